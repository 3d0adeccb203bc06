//! A setting with its type, and what a program reads.

use crate::declaration::{Declaration, DefaultValue};
use crate::values::{Lookup, Values};

/// One setting: what it is called, what it means, and how its text becomes a `T`.
///
/// It is defined once, as a constant; a program takes it over, or changes its default.
#[derive(Debug, Clone, Copy)]
pub struct Setting<T> {
    declaration: Declaration,
    parse: fn(&str) -> Result<T, &'static str>,
}

impl<T> Setting<T> {
    /// A setting that must be told, as long as it has no [`default`](Self::default).
    ///
    /// `name` is in snake case; flag, environment variable and key are made from it. `expected` says what would be
    /// right, with an example: it ends the sentence "expected …". A reason that `parse` gives follows the value: "is …",
    /// "has …". It is fixed text, so that no message can carry a secret.
    pub const fn new(
        name: &'static str,
        help: &'static str,
        expected: &'static str,
        parse: fn(&str) -> Result<T, &'static str>,
    ) -> Self {
        let (placeholder, default, secret) = ("VALUE", DefaultValue::None, false);
        Self { declaration: Declaration { name, placeholder, help, expected, default, secret }, parse }
    }

    /// What stands for the value in the help text, such as `ADDRESS`.
    #[must_use]
    pub const fn placeholder(mut self, placeholder: &'static str) -> Self {
        self.declaration.placeholder = placeholder;
        self
    }

    /// What counts where nothing was told. It is read like any other value.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.declaration.default = DefaultValue::Text(text);
        self
    }

    /// Keeps the value out of every message.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.declaration.secret = true;
        self
    }

    /// The same setting, which may be left out: it becomes an `Option<T>`.
    #[must_use]
    pub const fn optional(self) -> OptionalSetting<T> {
        OptionalSetting(self)
    }

    /// What is said about it.
    #[must_use]
    pub const fn declaration(&self) -> Declaration {
        self.declaration
    }

    /// A default that follows from other settings; `text` says how.
    pub(crate) const fn derived_default(mut self, text: &'static str) -> Self {
        self.declaration.default = DefaultValue::Derived(text);
        self
    }

    pub(crate) fn look_up(&self, values: &mut Values) -> Lookup<T> {
        values.look_up(&self.declaration, self.parse)
    }
}

/// A setting that may be left out.
#[derive(Debug, Clone, Copy)]
pub struct OptionalSetting<T>(Setting<T>);

/// What a field of a program's settings is read from: a setting, or several that belong together.
pub trait Readable {
    /// What it becomes.
    type Value;

    /// Adds every setting that it reads.
    fn declare(&self, into: &mut Vec<Declaration>);

    /// Reads it. `None`: `values` has noted what is wrong.
    fn read(&self, values: &mut Values) -> Option<Self::Value>;
}

impl<T> Readable for Setting<T> {
    type Value = T;

    fn declare(&self, into: &mut Vec<Declaration>) {
        into.push(self.declaration);
    }

    fn read(&self, values: &mut Values) -> Option<T> {
        match self.look_up(values) {
            Lookup::Value(value) => Some(value),
            Lookup::Refused => None,
            Lookup::Absent => {
                values.note_missing(self.declaration);
                None
            }
        }
    }
}

impl<T> Readable for OptionalSetting<T> {
    type Value = Option<T>;

    fn declare(&self, into: &mut Vec<Declaration>) {
        self.0.declare(into);
    }

    fn read(&self, values: &mut Values) -> Option<Option<T>> {
        match self.0.look_up(values) {
            Lookup::Value(value) => Some(Some(value)),
            Lookup::Absent => Some(None),
            Lookup::Refused => None,
        }
    }
}

/// All that a program can be told; [`settings!`](crate::settings) writes it.
pub trait ProgramSettings: Sized {
    /// Adds every setting that the program takes.
    fn declare(into: &mut Vec<Declaration>);

    /// Reads them all. `None`: `values` has noted what is wrong.
    fn read(values: &mut Values) -> Option<Self>;
}

/// Defines a program's settings: a struct whose fields say what they are read from.
///
/// ```
/// use payflow_core::Currency;
/// use payflow_program::{CURRENCY, NOTIFY_URL, NotifyUrl, settings};
///
/// settings! {
///     /// What this program can be told.
///     #[derive(Debug)]
///     struct Settings {
///         currency: Currency = CURRENCY.default("EUR"),
///         notify_url: Option<NotifyUrl> = NOTIFY_URL.optional(),
///     }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$about:meta])*
        $visible:vis struct $name:ident {
            $( $(#[$field_about:meta])* $field_visible:vis $field:ident : $value:ty = $setting:expr ),* $(,)?
        }
    ) => {
        $(#[$about])*
        $visible struct $name {
            $( $(#[$field_about])* $field_visible $field: $value ),*
        }

        impl $crate::ProgramSettings for $name {
            fn declare(into: &mut ::std::vec::Vec<$crate::Declaration>) {
                $( $crate::Readable::declare(&$setting, into); )*
            }

            fn read(values: &mut $crate::Values) -> ::std::option::Option<Self> {
                // All are read before the first that failed ends it, so that every problem is told at once.
                $( let $field = $crate::Readable::read(&$setting, values); )*
                ::std::option::Option::Some(Self { $( $field: $field? ),* })
            }
        }
    };
}
