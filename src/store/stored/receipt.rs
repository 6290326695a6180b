//! Receipts, stored.

use bincode::{Decode, Encode};

use super::{Invalid, Stored, time};
use crate::model::receipt::{Receipt, RequestPrint};
use crate::model::revision::Revision;
use crate::model::secret::Sealed;

/// What is kept of a request that was carried out.
#[derive(Encode, Decode)]
pub struct StoredReceipt {
    number: u64,
    print: [u8; 32],
    revision: u64,
    at: i64,
    secrets: Option<Vec<u8>>,
}

impl Stored for StoredReceipt {
    type Model = Receipt;

    fn from_model(receipt: Receipt) -> Self {
        let Receipt { number, print: RequestPrint(print), revision, at, secrets } = receipt;
        let secrets = secrets.map(|Sealed(bytes)| bytes.into_vec());
        Self { number, print, revision: revision.0, at: time::store(at), secrets }
    }

    fn into_model(self) -> Result<Receipt, Invalid> {
        let Self { number, print, revision, at, secrets } = self;
        Ok(Receipt {
            number,
            print: RequestPrint(print),
            revision: Revision(revision),
            at: time::load(at)?,
            secrets: secrets.map(|bytes| Sealed(bytes.into())),
        })
    }
}

/// The hash of a receipt's key, under its number.
#[derive(Encode, Decode)]
pub struct StoredReceiptHash([u8; 32]);

impl Stored for StoredReceiptHash {
    type Model = [u8; 32];

    fn from_model(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    fn into_model(self) -> Result<[u8; 32], Invalid> {
        Ok(self.0)
    }
}
