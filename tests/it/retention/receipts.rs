//! Receipts: a log keeps what an answer is made from for as long as it may be asked for, and no
//! longer.

use offshoot::control::{Asker, ControlError, RoleRequest, ShownRole, Told};
use offshoot::model::cause::Deed;
use offshoot::model::receipt::{Attempt, GOOD, MAX_RECEIPTS, Receipt, RequestPrint};
use offshoot::model::refusal::Refusal;
use offshoot::model::revision::{Moment, Revision};
use offshoot::store::catalog::Catalog;
use offshoot::store::keys;
use offshoot::store::receipts::Receipts;
use offshoot::store::stored::{StoredReceipt, StoredReceiptHash};

use super::{Plane, cause};

/// The print of all requests here: which they are is told by their keys.
const PRINT: RequestPrint = RequestPrint([7; 32]);

fn asker(key: &str) -> Asker {
    let attempt = Attempt { key: key.parse().expect("a key"), print: PRINT };
    Asker { attempt: Some(attempt), ..Asker::offshoot() }
}

impl Plane {
    /// Asks for the role `name` under the key of that name.
    async fn attempt(&self, name: &str) -> Result<Told<ShownRole>, ControlError> {
        let name_of = name.parse().expect("a name");
        let request = RoleRequest { name: name_of, no_login: false, expires_at: None };
        self.control.create_role(&asker(name), &self.main, request).await
    }

    fn oldest_receipt(&self) -> Option<Receipt> {
        let state = self.control.store().view::<Catalog>(self.log()).state;
        state.oldest_receipt(|_| true).expect("a state that reads")
    }
}

#[tokio::test]
async fn a_log_is_not_trimmed_above_what_may_be_told_again() {
    let mut plane = Plane::new(0).await;
    plane.create_roles(20, 1).await;
    plane.pass_time(60);
    let first = plane.attempt("sally").await.expect("a role").answer;
    plane.create_roles(50, 60).await;
    plane.round().await;
    let receipt = plane.oldest_receipt().expect("a receipt");
    // The state before it is kept too: what a merge took is found with it.
    assert_eq!(plane.floor().revision.next(), receipt.revision, "all before went, and no more");
    let again = plane.attempt("sally").await.expect("the role");
    assert!(again.is_again);
    assert_eq!(format!("{:?}", again.answer), format!("{first:?}"));
    let revealed = |role: &ShownRole| role.password.as_ref().map(|p| p.reveal().to_owned());
    assert_eq!(revealed(&again.answer), revealed(&first));
}

#[tokio::test]
async fn a_receipt_that_is_good_no_more_goes_and_so_does_what_it_kept() {
    let mut plane = Plane::new(0).await;
    plane.attempt("sally").await.expect("a role");
    plane.create_roles(50, 60).await;
    plane.round().await;
    let receipt = plane.oldest_receipt().expect("a receipt");
    assert_eq!(plane.floor().revision.max(receipt.revision), receipt.revision);
    plane.pass_time(GOOD.num_seconds());
    plane.attempt("bob").await.expect("a role");
    let counters = plane.round().await;
    assert_eq!(counters.receipts_forgotten, 1);
    assert!(receipt.revision < plane.floor().revision);
    let bobs = plane.oldest_receipt().expect("a receipt");
    assert!(receipt.number < bobs.number);
    let head = plane.head();
    assert_eq!(plane.round().await.receipts_forgotten, 1, "nothing more goes");
    assert_eq!(plane.head(), head, "nothing more is written");
}

#[tokio::test]
async fn when_as_many_are_remembered_as_can_be_no_other_key_is_taken() {
    let mut plane = Plane::new(0).await;
    plane.attempt("first").await.expect("a role");
    // As if there were many in between.
    let number = MAX_RECEIPTS - 1;
    let put = move |state: &mut Catalog, moment: Moment| {
        let hash = asker("last").attempt.expect("an attempt").key.hash();
        let (revision, at) = (Revision(1), moment.at);
        let receipt = Receipt { number, print: PRINT, revision, at, secrets: None };
        let records = state.records_mut();
        records.put::<StoredReceiptHash>(&keys::receipt_number(number), hash)?;
        Ok(records.put::<StoredReceipt>(&keys::receipt(&hash), receipt)?)
    };
    let cause = cause(Deed::SetUp);
    plane.control.store().commit(plane.log(), cause, put).await.expect("a commit");
    let head = plane.head();
    let refused = plane.attempt("sally").await.expect_err("one too many");
    assert!(matches!(refused, ControlError::Refused(Refusal::TooManyReceipts)), "{refused:?}");
    assert!(plane.attempt("first").await.expect("a role").is_again);
    assert_eq!(plane.head(), head);
    plane.pass_time(GOOD.num_seconds() + 1);
    plane.round().await;
    plane.attempt("sally").await.expect("a role, now that the others are forgotten");
}
