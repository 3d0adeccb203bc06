use super::{Options, simulate};

#[test]
fn promises_hold_over_some_seeds() {
    for seed in 0..100 {
        let run = simulate(seed, &Options::new());
        assert_eq!(run.violation, None, "seed {seed}");
    }
}

#[test]
fn equal_seeds_give_equal_traces() {
    let options = Options::new().with_trace();
    for seed in 0..10 {
        assert_eq!(simulate(seed, &options), simulate(seed, &options), "seed {seed}");
    }
}
