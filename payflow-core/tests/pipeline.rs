//! The pipeline as a whole, on the in-process transport under paused time.

mod pipeline {
    mod dead_letters;
    mod order;
    mod retries;
    mod rig;
    mod stops;
}
