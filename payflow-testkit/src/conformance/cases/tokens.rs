//! The account of tokens over a whole run.

use std::collections::{BTreeMap, BTreeSet};

use payflow_core::Delivery;

use crate::conformance::chance::Dice;
use crate::conformance::harness::Harness;
use crate::conformance::member::{AMPLE, Member};
use crate::conformance::numbered::{each_once, listed, number};
use crate::conformance::stage::{Stage, fresh_group};
use crate::conformance::violation::Violation;

const RECORDS: usize = 200;
const ROUNDS: usize = 6;

/// Every token comes back once, finished or given up at random, over several consumers one after another: what was not
/// finished comes again, what was committed does not, and nothing comes twice in one generation.
///
/// # Errors
/// The adapter broke that promise.
pub async fn every_token_comes_back_once(harness: &dyn Harness) -> Result<(), Violation> {
    let stage = Stage::set(harness);
    let (topic, group) = (stage.wide_topic().await?, fresh_group());
    let sender = stage.sender().await?;
    sender.send_numbers(&topic, 0..RECORDS, 20).await?;

    let mut dice = Dice::new(2);
    let mut account = Account::default();
    for round in 0..ROUNDS {
        let mut member = stage.member(&format!("opening {round}"), &group, &topic).await?;
        let last = round + 1 == ROUNDS;
        account.begin_round();
        if last {
            let owed = account.owed();
            let done = |delivered: &[Delivery]| {
                let came: BTreeSet<usize> = delivered.iter().filter_map(|one| number(one).ok()).collect();
                owed.is_subset(&came)
            };
            let expected = format!("the records that were never finished: {}", listed(&owed));
            member.until(AMPLE, &expected, |ledger| done(ledger.delivered())).await?;
            let delivered = member.since(0);
            account.take(&delivered)?;
            member.finish(&delivered);
            account.finished(&delivered)?;
        } else {
            acknowledge_at_random(&mut member, &mut dice, &mut account).await?;
        }
        member.commit().await?;
        account.committed();
    }
    account.all_finished()?;

    sender.send_numbers(&topic, RECORDS..RECORDS + 20, 20).await?;
    let mut after = stage.member("last", &group, &topic).await?;
    each_once(&after.take(20).await?, RECORDS..RECORDS + 20)
}

/// Takes some deliveries, and returns their tokens in small lots, in any order.
async fn acknowledge_at_random(
    member: &mut Member,
    dice: &mut Dice,
    account: &mut Account,
) -> Result<(), Violation> {
    let owed = account.owed().len();
    let mut out = member.take(owed - dice.below(owed / 2 + 1)).await?;
    account.take(&out)?;
    while !out.is_empty() {
        let (mut finished, mut given_up) = (Vec::new(), Vec::new());
        for _ in 0..=dice.below(out.len().min(9)) {
            let one = out.swap_remove(dice.below(out.len()));
            if dice.below(10) < 7 { finished.push(one) } else { given_up.push(one) }
        }
        member.acknowledge(&finished, &given_up);
        account.finished(&finished)?;
    }
    Ok(())
}

/// What was delivered and finished, by partition and offset.
#[derive(Default)]
struct Account {
    finished: BTreeSet<usize>,
    /// Offsets finished this round, and those delivered and not finished.
    round: BTreeMap<i32, BTreeMap<i64, bool>>,
    /// By partition: below this offset everything is committed.
    watermarks: BTreeMap<i32, i64>,
}

impl Account {
    fn begin_round(&mut self) {
        self.round.clear();
    }

    /// The numbers that were never finished.
    fn owed(&self) -> BTreeSet<usize> {
        (0..RECORDS).filter(|number| !self.finished.contains(number)).collect()
    }

    fn take(&mut self, delivered: &[Delivery]) -> Result<(), Violation> {
        for delivery in delivered {
            let watermark = self.watermarks.get(&delivery.partition).copied().unwrap_or(0);
            if delivery.offset < watermark {
                let expected =
                    format!("nothing again below offset {watermark}, up to which all was committed");
                return Err(Violation::new(expected, "a delivery came").of(delivery));
            }
            let place = self.round.entry(delivery.partition).or_default();
            place.insert(delivery.offset, false);
        }
        Ok(())
    }

    fn finished(&mut self, finished: &[Delivery]) -> Result<(), Violation> {
        for delivery in finished {
            self.finished.insert(number(delivery)?);
            self.round.entry(delivery.partition).or_default().insert(delivery.offset, true);
        }
        Ok(())
    }

    /// A commit succeeded: all below the first delivery not finished is durable.
    fn committed(&mut self) {
        for (partition, offsets) in &self.round {
            let done = offsets.iter().take_while(|(_, finished)| **finished);
            if let Some((offset, _)) = done.last() {
                self.watermarks.insert(*partition, offset + 1);
            }
        }
    }

    fn all_finished(&self) -> Result<(), Violation> {
        let owed = self.owed();
        if owed.is_empty() {
            return Ok(());
        }
        let happened = format!("these were never delivered to be finished: {}", listed(&owed));
        Err(Violation::new("every record finished in the end", happened))
    }
}
