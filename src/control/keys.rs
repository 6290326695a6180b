//! Use cases about API keys.

use std::net::IpAddr;

use chrono::TimeDelta;

use crate::control::once::Done;
use crate::control::{Asker, Caller, ControlPlane, Result, Told};
use crate::model::cause::{Deed, Topic};
use crate::model::id::ProjectId;
use crate::model::key::{ApiKey, KeyHash, KeyId, KeyName, LastUse, MAX_KEYS, Scope};
use crate::model::refusal::Refusal;
use crate::model::revision::{Moment, Revision, Timestamp};
use crate::model::secret::Password;
use crate::model::state::Denied;
use crate::room::Writer;
use crate::store::directory::Directory;
use crate::store::engine::LogId;
use crate::store::{StoreError, View};

/// How old the note of a key's last use may be before it is written anew. Every use would be a
/// commit otherwise.
const LAST_USE_GRAIN: TimeDelta = TimeDelta::hours(1);

/// Whose keys are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The person to whom the server belongs.
    Person,
    /// The organization.
    Organization,
}

impl KeyOwner {
    fn owns(self, scope: &Scope) -> bool {
        match scope {
            Scope::Account => self == Self::Person,
            Scope::Organization | Scope::Project(_) => self == Self::Organization,
        }
    }
}

impl ControlPlane {
    /// Returns what a key opens, if it is one, and notes that it was used.
    pub async fn open_with(&self, key: &str, from: Option<IpAddr>) -> Result<Option<ApiKey>> {
        let hash = KeyHash::of(key);
        let Some(found) = self.directory().state.api_key_of(&hash)? else { return Ok(None) };
        let use_now = LastUse { at: self.now(), address: from };
        let is_noted = found.last_use.is_some_and(|last| use_now.at - last.at < LAST_USE_GRAIN);
        if !is_noted {
            let id = found.id;
            let note = move |directory: &mut Directory, _| {
                // It may have been revoked just now.
                if let Some(key) = directory.api_key(id)? {
                    directory.put_api_key(ApiKey { last_use: Some(use_now), ..key })?;
                }
                Ok(())
            };
            let noted = self.commit_directory(&Caller::offshoot(), Deed::UseKey, note).await;
            // A note that is not made is made at the next use.
            noted.ok();
        }
        Ok(Some(found))
    }

    /// Lists the keys of an owner, oldest first.
    pub fn list_keys(&self, owner: KeyOwner) -> Result<Vec<ApiKey>> {
        let keys = self.directory().state.api_keys()?;
        Ok(keys.into_iter().filter(|key| owner.owns(&key.scope)).collect())
    }

    /// Creates a key, and returns it with its clear text, which is shown to whoever asks for it.
    pub async fn create_key(
        &self,
        asker: &Asker,
        name: KeyName,
        scope: Scope,
    ) -> Result<Told<(ApiKey, Password)>> {
        if let Some(done) = self.done_in_log(asker, LogId::DIRECTORY)? {
            return created(&done);
        }
        if let Scope::Project(project) = &scope {
            self.get_project(project)?;
        }
        let secrets = self.draw_secrets();
        let hash = KeyHash::of(secrets.api_key().reveal());
        let create = move |directory: &mut Directory, moment: Moment| {
            if MAX_KEYS <= directory.api_keys()?.len() {
                return Err(Denied::Refused(Refusal::TooManyKeys));
            }
            let key = ApiKey {
                id: KeyId::from(moment.revision),
                name: name.clone(),
                scope: scope.clone(),
                hash,
                created_at: moment.at,
                last_use: None,
            };
            Ok(directory.put_api_key(key)?)
        };
        let what = (asker.asks(Deed::CreateKey, Topic::Whole), Some(secrets));
        created(&self.carry_out_in_log(asker, LogId::DIRECTORY, what, create).await?)
    }

    /// Revokes a key: from now on it opens nothing.
    pub async fn revoke_key(&self, caller: &Caller, owner: KeyOwner, id: KeyId) -> Result<ApiKey> {
        let revoke = move |directory: &mut Directory, _| {
            let found = directory.api_key(id)?.filter(|key| owner.owns(&key.scope));
            let key = found.ok_or(Denied::Refused(Refusal::KeyMissing(id)))?;
            directory.remove_api_key(&key)?;
            Ok(key)
        };
        Ok(self.commit_directory(caller, Deed::RevokeKey, revoke).await?.0)
    }

    /// Returns when the server began to keep anything.
    pub fn began_at(&self) -> Result<Timestamp> {
        let first = Revision(1);
        let view: View<Directory> = self.inner.store.view_at(LogId::DIRECTORY, first)?;
        Ok(view.moment.at)
    }

    /// Commits what a rule makes of the directory, and says when.
    pub(super) async fn commit_directory<T: Send + 'static>(
        &self,
        caller: &Caller,
        deed: Deed,
        rule: impl FnMut(&mut Directory, Moment) -> std::result::Result<T, Denied<StoreError>>
        + Send
        + 'static,
    ) -> Result<(T, Moment)> {
        let cause = caller.asks(deed, Topic::Whole);
        self.write(Writer::Request, LogId::DIRECTORY, cause, rule).await
    }

    /// Refuses a project that a scope does not open.
    pub fn admit(&self, scope: &Scope, project: &ProjectId) -> Result<()> {
        match scope {
            Scope::Account | Scope::Organization => Ok(()),
            Scope::Project(own) if own == project => Ok(()),
            Scope::Project(_) => Err(Refusal::OutsideScope(project.clone()).into()),
        }
    }
}

/// Returns the key that a request created, with its clear text.
fn created(done: &Done<Directory>) -> Result<Told<(ApiKey, Password)>> {
    let key = done.view.state.api_key(KeyId::from(done.view.moment.revision))?;
    let key = key.expect("a key that the commit put");
    Ok(done.told((key, done.secrets().api_key())))
}
