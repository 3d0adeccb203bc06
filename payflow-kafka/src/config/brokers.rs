//! The list of brokers, which librdkafka would only log about.

use super::InvalidKafkaConfig;

/// Refuses a list in which an entry names no host, or a port that is none.
pub(super) fn check(brokers: &str) -> Result<(), InvalidKafkaConfig> {
    let refuse = |reason: String| Err(InvalidKafkaConfig::new("brokers", reason));
    if brokers.trim().is_empty() {
        return refuse("is empty: give host:port, several of them with commas between".to_owned());
    }
    for broker in brokers.split(',') {
        if !is_broker(broker.trim()) {
            // `{:?}` so that blanks and control characters are seen.
            return refuse(format!("holds {broker:?}, which is no broker: write it as host:port"));
        }
    }
    Ok(())
}

fn is_broker(broker: &str) -> bool {
    let (host, port) = match broker.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or(port)),
        None => broker.split_once(':').unwrap_or((broker, "9092")),
    };
    let is_host = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'@' | b'[' | b']');
    let port_holds = port.parse::<u16>().is_ok_and(|port| port > 0);
    !host.is_empty() && host.bytes().all(is_host) && port_holds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_a_port_are_brokers() {
        for taken in ["kafka", "kafka:9092", "kafka-1:9092, kafka-2:9093", "127.0.0.1:1", "[::1]:9092"] {
            assert_eq!(check(taken), Ok(()), "{taken}");
        }
    }

    #[test]
    fn what_names_no_broker_is_refused_with_its_text() {
        for refused in ["", "  ", "kafka:", ":9092", "kafka:99999", "a:1,,b:1", "a b:1", "plaintext://k:9092"]
        {
            let error = check(refused).unwrap_err();
            assert_eq!(error.setting(), "brokers", "{refused}");
        }
        assert!(check("a:1,b:x").unwrap_err().to_string().contains("\"b:x\""));
    }
}
