//! Whom a request is for: its target and `Host`, which hyper does not compare.

use http::{
    HeaderMap, Method, StatusCode, Uri, Version, header,
    uri::{Authority, Scheme},
};

use super::framing::decimal;

/// Why a request is refused, whatever the service would have said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) detail: &'static str,
}

/// Checks the form of the target (RFC 9112 §3.2) and that the request names one host (RFC 9110 §7.2, RFC 9113 §8.3.1).
pub(super) fn check(
    method: &Method,
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    if method == Method::CONNECT {
        return Err(Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            detail: "this server is no proxy and opens no tunnels",
        });
    }
    if uri.scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(bad_request("the request's scheme is neither http nor https"));
    }
    let is_asterisk = uri.path() == "*" && *method == Method::OPTIONS;
    if !is_asterisk && (!uri.path().starts_with('/') || (uri.scheme().is_none() && uri.authority().is_some()))
    {
        return Err(bad_request("the request's target is neither a path nor a whole URI"));
    }

    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(bad_request("the request has more than one Host"));
    }
    if uri.authority().is_none() && host.is_some_and(|host| is_plain(host.as_bytes())) {
        return Ok(());
    }
    let host = match host.map(|host| HostAndPort::parse(host.as_bytes(), uri.scheme())) {
        Some(Some(host)) => Some(host),
        Some(None) => return Err(bad_request("the request's Host is malformed")),
        None => None,
    };
    let named = match uri.authority().map(|named| HostAndPort::parse(named.as_str().as_bytes(), uri.scheme()))
    {
        Some(Some(authority)) => Some(authority),
        Some(None) => return Err(bad_request("the request's target names a malformed host")),
        None => None,
    };
    match (named, host) {
        (Some(named), Some(host)) if named != host => {
            Err(bad_request("the request's target and its Host name different hosts"))
        }
        // HTTP/2 has `:authority`; HTTP/1.0 knew no Host.
        (None, None) if version != Version::HTTP_10 => Err(bad_request("the request has no Host")),
        (Some(_), None) if version == Version::HTTP_11 => Err(bad_request("the request has no Host")),
        _ => Ok(()),
    }
}

const fn bad_request(detail: &'static str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, detail }
}

/// Whether this is a host for certain, as nearly every one is: a name or a number, and a port.
fn is_plain(host: &[u8]) -> bool {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let name = host.iter().take_while(|byte| in_name(byte)).count();
    let (name, port) = host.split_at(name);
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => decimal(digits).is_some_and(|port| u16::try_from(port).is_ok()),
        _ => false,
    };
    !name.is_empty() && is_port
}

/// A host, and its port unless that is the scheme's usual one, to compare with another. User information is not taken, since it says nothing about the host.
#[derive(Debug)]
struct HostAndPort {
    authority: Authority,
    port: Option<u16>,
}

impl HostAndPort {
    fn parse(text: &[u8], scheme: Option<&Scheme>) -> Option<Self> {
        let authority = Authority::try_from(text).ok().filter(|_| !text.contains(&b'@'))?;
        if authority.host().is_empty() {
            return None;
        }
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" | ":" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        let usual = scheme.map(|scheme| if *scheme == Scheme::HTTPS { 443 } else { 80 });
        Some(Self { authority, port: port.filter(|port| Some(*port) != usual) })
    }
}

impl PartialEq for HostAndPort {
    fn eq(&self, other: &Self) -> bool {
        self.authority.host().eq_ignore_ascii_case(other.authority.host()) && self.port == other.port
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn check_with(method: &str, target: &str, version: Version, hosts: &[&str]) -> Option<StatusCode> {
        let headers: HeaderMap = hosts
            .iter()
            .map(|host| (header::HOST, HeaderValue::from_str(host).expect("a header value")))
            .collect();
        let method = method.parse().expect("a method");
        let uri = target.parse().expect("a target");
        check(&method, &uri, version, &headers).err().map(|refusal| refusal.status)
    }

    #[test]
    fn request_for_one_host_passes() {
        for (method, target, version, hosts) in [
            ("GET", "/", Version::HTTP_11, &["a.example"][..]),
            ("GET", "/?q=http://b", Version::HTTP_11, &["a.example:8080"]),
            ("GET", "/", Version::HTTP_11, &["[::1]:8080"]),
            ("GET", "/", Version::HTTP_11, &["a.example:"]),
            ("GET", "http://a.example/x", Version::HTTP_11, &["A.EXAMPLE"]),
            ("GET", "http://a.example:81/x", Version::HTTP_11, &["a.example:81"]),
            ("GET", "http://a.example", Version::HTTP_11, &["a.example"]),
            ("GET", "http://a.example:80/", Version::HTTP_11, &["a.example"]),
            ("OPTIONS", "*", Version::HTTP_11, &["a.example"]),
            ("GET", "/", Version::HTTP_10, &[]),
            ("GET", "/", Version::HTTP_10, &["a.example"]),
            ("POST", "http://a.example/x", Version::HTTP_2, &[]),
            ("POST", "https://a.example/x", Version::HTTP_2, &["a.example"]),
            ("POST", "/x", Version::HTTP_2, &["a.example"]),
        ] {
            assert_eq!(check_with(method, target, version, hosts), None, "{method} {target} {hosts:?}");
        }
    }

    #[test]
    fn request_for_no_host_or_two_is_refused() {
        for (method, target, version, hosts) in [
            ("GET", "/", Version::HTTP_11, &[][..]),
            ("GET", "/", Version::HTTP_2, &[]),
            ("GET", "http://a.example/", Version::HTTP_11, &[]),
            ("GET", "/", Version::HTTP_11, &["a.example", "a.example"]),
            ("GET", "/", Version::HTTP_10, &["a.example", "b.example"]),
            ("GET", "/", Version::HTTP_11, &[""]),
            ("GET", "/", Version::HTTP_11, &["user@a.example"]),
            ("GET", "/", Version::HTTP_11, &["a.example, b.example"]),
            ("GET", "/", Version::HTTP_11, &["a.example/x"]),
            ("GET", "/", Version::HTTP_11, &["a.example:70000"]),
            ("GET", "/", Version::HTTP_11, &["a.example:x"]),
            ("GET", "/", Version::HTTP_11, &[":80"]),
            ("GET", "http://a.example/", Version::HTTP_11, &["b.example"]),
            ("GET", "http://a.example/", Version::HTTP_11, &["a.example:81"]),
            ("GET", "http://user@a.example/", Version::HTTP_11, &["a.example"]),
            ("GET", "http://a.example/", Version::HTTP_2, &["b.example"]),
            ("GET", "ftp://a.example/", Version::HTTP_11, &["a.example"]),
            ("GET", "a.example", Version::HTTP_11, &["a.example"]),
            ("GET", "*", Version::HTTP_11, &["a.example"]),
        ] {
            let refused = check_with(method, target, version, hosts);
            assert_eq!(refused, Some(StatusCode::BAD_REQUEST), "{method} {target} {hosts:?}");
        }
    }

    #[test]
    fn tunnel_is_refused() {
        let refused = check_with("CONNECT", "a.example:443", Version::HTTP_11, &["a.example:443"]);
        assert_eq!(refused, Some(StatusCode::NOT_IMPLEMENTED));
    }

    proptest! {
        #[test]
        fn what_passes_as_plain_is_a_host(host in "[a-zA-Z0-9.:@/_-]{0,12}(:([0-9x]{0,6}|6[4-6][0-9]{3}))?") {
            prop_assert!(!is_plain(host.as_bytes()) || HostAndPort::parse(host.as_bytes(), None).is_some(), "{}", host);
        }
    }
}
