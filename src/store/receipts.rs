//! Receipts among the records of a log, whatever else the log keeps.

use std::ops::ControlFlow;

use crate::model::receipt::{Attempt, IdempotencyKey, Receipt};
use crate::model::revision::Moment;
use crate::model::secret::Sealed;
use crate::store::records::{Contents, Records};
use crate::store::stored::{StoredReceipt, StoredReceiptHash, decode};
use crate::store::{StoreError, keys};

/// The key after all keys of receipts' numbers.
const END_OF_NUMBERS: &[u8] = &[b'Q' + 1];

/// Contents that keep receipts.
pub trait Receipts: Contents {
    /// Returns the records.
    fn records(&self) -> &Records;

    /// Returns the records, to be edited.
    fn records_mut(&mut self) -> &mut Records;

    /// Returns the receipt of the request that was carried out under a key, be it good or not.
    fn receipt(&self, key: &IdempotencyKey) -> Result<Option<Receipt>, StoreError> {
        self.records().get::<StoredReceipt>(&keys::receipt(&key.hash()))
    }

    /// Puts the receipt of an attempt that this commit carries out, in place of an older one under
    /// its key.
    fn put_receipt(
        &mut self,
        attempt: &Attempt,
        moment: Moment,
        secrets: Option<Sealed>,
    ) -> Result<(), StoreError> {
        let hash = attempt.key.hash();
        if let Some(old) = self.receipt(&attempt.key)? {
            self.records_mut().remove(&keys::receipt_number(old.number))?;
        }
        let number = newest(self.records())?.map_or(0, |number| number + 1);
        let receipt = Receipt {
            number,
            print: attempt.print,
            revision: moment.revision,
            at: moment.at,
            secrets,
        };
        self.records_mut().put::<StoredReceiptHash>(&keys::receipt_number(number), hash)?;
        self.records_mut().put::<StoredReceipt>(&keys::receipt(&hash), receipt)
    }

    /// Returns how many receipts there are, or a few more.
    fn count_receipts(&self) -> Result<u64, StoreError> {
        let oldest = self.oldest_receipt(|_| true)?;
        let newest = newest(self.records())?;
        // Numbers whose receipts were replaced are counted too.
        let count = |(oldest, newest): (Receipt, u64)| newest - oldest.number + 1;
        Ok(oldest.zip(newest).map_or(0, count))
    }

    /// Returns the oldest receipt that is `wanted`.
    fn oldest_receipt(
        &self,
        wanted: impl Fn(&Receipt) -> bool,
    ) -> Result<Option<Receipt>, StoreError> {
        let records = self.records();
        let mut found = Ok(None);
        records.tree().scan(records.nodes(), keys::RECEIPT_NUMBERS, |key, value| {
            if !key.starts_with(keys::RECEIPT_NUMBERS) {
                return ControlFlow::Break(());
            }
            found = decode::<StoredReceiptHash>(key, value)
                .and_then(|hash| Ok(Some(get(records, &hash)?).filter(&wanted)));
            if matches!(found, Ok(None)) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        found
    }

    /// Removes the oldest receipts for as long as they are `old`, and `limit` at the most. Returns
    /// how many there were.
    fn forget_receipts(
        &mut self,
        limit: usize,
        old: impl Fn(&Receipt) -> bool,
    ) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        for hash in oldest_hashes(self.records(), limit)? {
            let receipt = get(self.records(), &hash)?;
            if !old(&receipt) {
                break;
            }
            self.records_mut().remove(&keys::receipt_number(receipt.number))?;
            self.records_mut().remove(&keys::receipt(&hash))?;
            forgotten += 1;
        }
        Ok(forgotten)
    }
}

fn get(records: &Records, hash: &[u8; 32]) -> Result<Receipt, StoreError> {
    let key = keys::receipt(hash);
    records.get::<StoredReceipt>(&key)?.ok_or(StoreError::Dangling { key })
}

fn newest(records: &Records) -> Result<Option<u64>, StoreError> {
    let found = records.tree().last_until(records.nodes(), END_OF_NUMBERS)?;
    let Some((key, value)) = found.filter(|(key, _)| key.starts_with(keys::RECEIPT_NUMBERS)) else {
        return Ok(None);
    };
    let hash = decode::<StoredReceiptHash>(&key, &value)?;
    Ok(Some(get(records, &hash)?.number))
}

fn oldest_hashes(records: &Records, limit: usize) -> Result<Vec<[u8; 32]>, StoreError> {
    let mut found = Vec::new();
    records.tree().scan(records.nodes(), keys::RECEIPT_NUMBERS, |key, value| {
        if !key.starts_with(keys::RECEIPT_NUMBERS) || limit <= found.len() {
            return ControlFlow::Break(());
        }
        found.push(decode::<StoredReceiptHash>(key, value));
        ControlFlow::Continue(())
    })?;
    found.into_iter().collect()
}
