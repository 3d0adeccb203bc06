//! The metadata of committed offsets, as bytes: the wrapper panics on what is not UTF-8.

use std::slice;

use rdkafka::TopicPartitionList;

/// The metadata of each element of a list, in their order; empty where there is none.
pub(crate) fn commit_metadata(list: &TopicPartitionList) -> Vec<&[u8]> {
    // SAFETY: the list is alive and not changed while it is borrowed; its elements lie one behind the other, as many as
    // it says, or there are none.
    let elements = unsafe {
        let list = &*list.ptr();
        match usize::try_from(list.cnt) {
            Ok(count) if count > 0 && !list.elems.is_null() => slice::from_raw_parts(list.elems, count),
            _ => &[],
        }
    };
    elements
        .iter()
        .map(|element| {
            if element.metadata.is_null() {
                return &[][..];
            }
            // SAFETY: start and length belong together, and live as long as the element.
            unsafe { slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size) }
        })
        .collect()
}
