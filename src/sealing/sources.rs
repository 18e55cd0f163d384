//! Every key that a store's data keys may be sealed under.

use super::source::{IfMissing, KeySource};
use super::{Cipher, Key, KeyError, KeyId, Label, WrapperId};

/// Where the keys are: the one that new data keys are sealed under, and those of before it.
#[derive(Clone, Debug, Default)]
pub struct KeySources {
    current: Option<KeySource>,
    older: Vec<KeySource>,
}

/// A key that secrets are sealed under, ready for use.
#[derive(Debug)]
pub struct DataKey {
    /// Its name.
    pub id: KeyId,
    /// It itself.
    pub cipher: Cipher,
}

/// A data key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Its name.
    pub id: KeyId,
    /// What it is sealed under.
    pub by: WrapperId,
    /// It itself, sealed.
    pub bytes: Vec<u8>,
}

impl KeySources {
    /// No key at all: whatever is no secret can be read.
    pub const fn none() -> Self {
        Self { current: None, older: Vec::new() }
    }

    /// This one.
    pub const fn new(current: KeySource) -> Self {
        Self { current: Some(current), older: Vec::new() }
    }

    /// And those of before it, under which a data key may still be sealed.
    pub fn with_older(self, older: Vec<KeySource>) -> Self {
        Self { older, ..self }
    }

    /// The one that new data keys are sealed under.
    pub const fn current(&self) -> Option<&KeySource> {
        self.current.as_ref()
    }

    /// Those of before it.
    pub fn older(&self) -> &[KeySource] {
        &self.older
    }

    /// A new data key, and what is to be stored of it. It may take as long as Vault may. A key file is made where
    /// there is none.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn make(&self) -> Result<(DataKey, WrappedKey), KeyError> {
        let source = self.current.as_ref().ok_or(KeyError::None)?;
        let wrapper = source.wrapper(IfMissing::Make)?;
        let (id, key) = (KeyId::generate()?, Key::generate()?);
        let wrapped = WrappedKey { id, by: wrapper.id(), bytes: wrapper.wrap(&label(id), &key)? };
        Ok((DataKey { id, cipher: key.cipher()? }, wrapped))
    }

    /// The data key that [`make`](Self::make) made. It may take as long as Vault may.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyError> {
        let id = wrapped.id;
        let (mut have, mut failed) = (Vec::new(), None);
        for source in self.current.iter().chain(&self.older) {
            let wrapper = match source.wrapper(IfMissing::Fail) {
                Ok(wrapper) => wrapper,
                // Another source may have the right one; if none has, this is the reason.
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            if wrapper.id() != wrapped.by {
                have.push(format!("{} ({source})", wrapper.id()));
                continue;
            }
            let key = wrapper.unwrap(&label(id), &wrapped.bytes)?;
            let key = key.map_err(|source| KeyError::Damaged { id, source })?;
            return Ok(DataKey { id, cipher: key.cipher()? });
        }
        Err(match failed {
            Some(error) => error,
            None if have.is_empty() => KeyError::None,
            None => KeyError::Other { id, by: wrapped.by.clone(), have },
        })
    }
}

fn label(id: KeyId) -> Label {
    Label::new(&["data key", &id.to_string()])
}
