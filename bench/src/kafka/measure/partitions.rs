//! Counts what partitions cost of which nothing is to be read.

use payflow_core::Topic;

use super::{FEWER_AND_MORE, Plan, each};
use crate::figure::Figure;
use crate::kafka::cluster::Cluster;
use crate::kafka::fill::Fill;
use crate::statistics::{Total, per_message};
use crate::valgrind::{Count, count};

/// With one key, all records lie in one partition, however many there are.
const PARTITIONS: [i32; 2] = [64, 1];
const KEYS: u32 = 1;

impl Plan {
    pub(super) fn partitions(&self, cluster: &Cluster, topic: &Topic) -> anyhow::Result<()> {
        let [many, one] = each(PARTITIONS, |partitions| {
            let totals = each(FEWER_AND_MORE, |messages| {
                let topic = Topic::parse(&format!("{topic}-{partitions}-{messages}"))?;
                let fill = Fill::new(cluster.brokers(), &topic, messages);
                cluster.run(&fill.with_keys(KEYS).with_partitions(partitions))?;
                let args = self.drain("consume", cluster, &topic, messages);
                Ok(Total { messages, used: count(Count::Instructions, &args)? })
            });
            let [fewer, more] = totals?;
            eprintln!("{partitions} partitions: {:.1} instructions a record", per_message(fewer, more));
            Ok(per_message(fewer, more))
        })?;
        println!("{}", Figure::new("kafka-consume-63-empty-partitions", many, "instructions/record", one));
        Ok(())
    }
}
