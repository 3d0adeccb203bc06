//! A value that most do without.

/// A value that is seldom there. Whoever holds one sees without a call that there is nothing to drop; a bare `Option` costs a call
/// each time it is dropped, if its value is much to drop.
#[derive(Debug)]
pub(super) struct Seldom<T>(Option<T>);

impl<T> Seldom<T> {
    pub(super) const NONE: Self = Self(None);

    pub(super) const fn some(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(super) const fn as_ref(&self) -> Option<&T> {
        self.0.as_ref()
    }

    pub(super) const fn as_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }

    pub(super) const fn take(&mut self) -> Option<T> {
        self.0.take()
    }

    pub(super) fn get_or_insert_default(&mut self) -> &mut T
    where
        T: Default,
    {
        self.0.get_or_insert_default()
    }
}

impl<T> Default for Seldom<T> {
    #[inline]
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> Drop for Seldom<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            let_go(value);
        }
    }
}

#[cold]
fn let_go<T>(value: T) {
    drop(value);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_is_there_is_dropped_once() {
        let value = Arc::new(());
        drop(Seldom::some(Arc::clone(&value)));
        assert_eq!(Arc::strong_count(&value), 1);

        let mut seldom = Seldom::some(Arc::clone(&value));
        let taken = seldom.take();
        drop(seldom);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(taken);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
