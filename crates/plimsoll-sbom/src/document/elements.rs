use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Document, ReadDocumentError};

/// The elements of an array, each still unread, so that a malformed one spoils nothing but itself.
#[derive(Default)]
pub(super) struct Elements<'a>(pub(super) Vec<&'a RawValue>);

/// The message by which going past the limit is told from malformed JSON: an error of serde carries nothing else.
const TOO_MANY: &str = "too many elements";

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor).map(Elements)
    }
}

/// Whether an array was longer than [`Document::COMPONENTS_MAX`].
pub(super) fn is_too_many(error: &serde_json::Error) -> bool {
    error.is_data() && error.to_string().starts_with(TOO_MANY)
}

pub(super) fn fault(error: serde_json::Error) -> ReadDocumentError {
    if is_too_many(&error) { ReadDocumentError::Components } else { ReadDocumentError::Json(error) }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = array.next_element()? {
            if elements.len() == Document::COMPONENTS_MAX {
                return Err(A::Error::custom(TOO_MANY));
            }
            elements.push(element);
        }
        Ok(elements)
    }
}

/// The elements of an array of which a component has few; those that are malformed are passed over.
pub(super) struct Few<T>(pub(super) Vec<T>);

/// How many are kept: scanners write some hundred guessed names of a product as properties of one component.
const FEW_MAX: usize = 4096;

impl<'de, T: DeserializeOwned> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

struct FewVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for FewVisitor<T> {
    type Value = Few<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut few = Vec::new();
        while let Some(element) = array.next_element::<&RawValue>()? {
            if few.len() < FEW_MAX {
                few.extend(serde_json::from_str::<T>(element.get()));
            }
        }
        Ok(Few(few))
    }
}

/// The elements, none where the member is missing or null.
pub(super) fn few<T>(member: Option<Few<T>>) -> impl Iterator<Item = T> {
    member.into_iter().flat_map(|few| few.0)
}
