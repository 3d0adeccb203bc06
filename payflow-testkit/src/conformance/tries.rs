//! Limits in time, which a slow machine may miss once.

use super::violation::Violation;

/// Tries until the adapter keeps the limit, three times at most: a violation inside `Ok` may be the machine's fault. Else it is the
/// last of these.
pub(super) async fn in_three_tries<F>(mut tried: impl FnMut() -> F) -> Result<(), Violation>
where
    F: Future<Output = Result<Option<Violation>, Violation>>,
{
    let mut late = None;
    for _ in 0..3 {
        late = tried().await?;
        if late.is_none() {
            break;
        }
    }
    late.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;

    fn late() -> Violation {
        Violation::new("in time", "it was late")
    }

    #[tokio::test]
    async fn one_that_is_in_time_is_enough_and_three_that_are_late_are_too_many() {
        for (in_time, expected, tries) in [(1, true, 1), (3, true, 3), (4, false, 3)] {
            let mut number = 0;
            let ended = in_three_tries(|| {
                number += 1;
                ready(Ok((number < in_time).then(late)))
            });
            assert_eq!(ended.await.is_ok(), expected);
            assert_eq!(number, tries);
        }
    }

    #[tokio::test]
    async fn what_no_machine_is_to_blame_for_ends_it() {
        let mut number = 0;
        let ended = in_three_tries(|| {
            number += 1;
            ready(Err(late()))
        });
        assert!(ended.await.is_err());
        assert_eq!(number, 1);
    }
}
