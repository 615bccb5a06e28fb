//! Which proxy to use. No I/O: the environment is handed in.
//!
//! As Go decides it for kubectl (golang.org/x/net/http/httpproxy), since kube 5.0.0 matches `NO_PROXY` against the proxy's own address:
//! an explicit proxy is always used, `HTTPS_PROXY` (`HTTP_PROXY` for plain servers) unless `NO_PROXY` names the *cluster's* host,
//! and a loopback server is never proxied by the environment.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;

use http::Uri;

use crate::failure::{chain, last};

/// The proxy to use, and what set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub address: Uri,
    pub set_by: &'static str,
}

/// Without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.address))
    }
}

/// The messages of hyper-util's connectors for a connection to the proxy that could not be made, and how they begin when the proxy
/// itself objects. Their types are private, and only one of them keeps its cause.
const NO_TUNNEL: &str = "tunnel error: failed to create underlying connection";
const NO_SOCKS: &str = "SOCKS error: failed to create underlying connection";
const OBJECTIONS: [&str; 2] = ["tunnel error: ", "SOCKS error: "];

impl Proxy {
    /// Which hop failed, and why.
    pub(crate) fn failed_hop(&self, server: &str, error: &(dyn StdError + 'static)) -> String {
        for layer in chain(error).map(ToString::to_string) {
            if layer == NO_TUNNEL {
                return format!("cannot connect to the proxy {self} for {server}: {}", last(error));
            }
            if layer == NO_SOCKS {
                return format!("cannot connect to the proxy {self} for {server}: no connection");
            }
            if let Some(words) = OBJECTIONS.iter().find_map(|start| layer.strip_prefix(start)) {
                return format!("the proxy {self} does not connect to {server}: {words}");
            }
        }
        format!("{server} through the proxy {self}: {}", last(error))
    }
}

/// Without user info: a URL may carry a password.
pub(crate) fn shown(server: &Uri) -> String {
    let authority = server.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{}://{host}{}", server.scheme_str().unwrap_or("https"), server.path().trim_end_matches('/'))
}

/// The variables that matter, as they are set.
#[derive(Clone, Debug, Default)]
pub struct ProxyEnvironment {
    pub https: Option<String>,
    pub http: Option<String>,
    pub no_proxy: Option<String>,
}

impl ProxyEnvironment {
    /// Upper case wins, as in Go.
    pub(crate) fn read() -> Self {
        let either = |upper: &str, lower: &str| {
            [upper, lower].iter().filter_map(|name| std::env::var(name).ok()).find(|value| !value.is_empty())
        };
        ProxyEnvironment {
            https: either("HTTPS_PROXY", "https_proxy"),
            http: either("HTTP_PROXY", "http_proxy"),
            no_proxy: either("NO_PROXY", "no_proxy"),
        }
    }
}

/// The proxy for `server`, or why there cannot be one. `explicit` is `--proxy-url` or the kubeconfig's `proxy-url`, and which of them.
pub(crate) fn choose(
    explicit: Option<(&str, &'static str)>,
    environment: &ProxyEnvironment,
    server: &Uri,
) -> Result<Option<Proxy>, String> {
    let proxy = |text: &str, set_by| Ok(Some(Proxy { address: address(text)?, set_by }));
    if let Some((text, set_by)) = explicit {
        return proxy(text, set_by);
    }
    let plain = server.scheme_str() == Some("http");
    let (set, set_by) = match plain {
        true => (&environment.http, "$HTTP_PROXY"),
        false => (&environment.https, "$HTTPS_PROXY"),
    };
    let Some(text) = set else { return Ok(None) };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = server.port_u16().unwrap_or(if plain { 80 } else { 443 });
    if bypassed(&host, port, environment.no_proxy.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    proxy(text, set_by)
}

/// Go takes `host:3128` for `http://host:3128`.
fn address(proxy: &str) -> Result<Uri, String> {
    let proxy = proxy.trim();
    let full = match proxy.split_once("://") {
        None => format!("http://{proxy}"),
        Some(("socks5h", rest)) => format!("socks5://{rest}"),
        Some(("http" | "https" | "socks5", _)) => proxy.to_owned(),
        Some((scheme, _)) => {
            return Err(format!("a {scheme} proxy is not supported; use http, https or socks5"));
        }
    };
    // Not the text itself: it may hold a password.
    let uri: Uri = full.parse().map_err(|error| format!("the proxy's address is not a URL: {error}"))?;
    match uri.host() {
        None | Some("") => Err("the proxy's address names no host".to_owned()),
        Some(_) => Ok(uri),
    }
}

fn bypassed(host: &str, port: u16, no_proxy: &str) -> bool {
    let ip: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(|rule| rule.trim().to_ascii_lowercase()).filter(|rule| !rule.is_empty()).any(
        |rule| match (rule.as_str(), ip) {
            ("*", _) => true,
            (rule, Some(ip)) if rule.contains('/') => in_network(ip, rule),
            (rule, ip) => {
                let (name, only_port) = split_port(rule);
                only_port.is_none_or(|only| only == port)
                    && match ip {
                        Some(ip) => name.trim_matches(['[', ']']).parse() == Ok(ip),
                        None => in_domain(host, name),
                    }
            }
        },
    )
}

/// `host`, `host:port`, `[v6]:port`, bare `v6`.
fn split_port(rule: &str) -> (&str, Option<u16>) {
    if rule.parse::<IpAddr>().is_ok() {
        return (rule, None);
    }
    match rule.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (rule, None),
        },
        None => (rule, None),
    }
}

/// `corp` means the host and all below it; `.corp` and `*.corp` only what is below.
fn in_domain(host: &str, rule: &str) -> bool {
    let rule = rule.strip_prefix('*').unwrap_or(rule);
    match rule.strip_prefix('.') {
        Some(_) => host.ends_with(rule),
        None => host == rule || host.strip_suffix(rule).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(ip: IpAddr, rule: &str) -> bool {
    let Some((base, bits)) = rule.split_once('/') else { return false };
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (ip, base) {
        (IpAddr::V4(ip), IpAddr::V4(base)) if bits <= 32 => {
            (ip.to_bits() ^ base.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(base)) if bits <= 128 => {
            (ip.to_bits() ^ base.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(server: &str, https: &str, no_proxy: &str) -> Option<String> {
        let environment = ProxyEnvironment {
            https: Some(https.to_owned()),
            http: Some("plain:80".to_owned()),
            no_proxy: Some(no_proxy.to_owned()),
        };
        choose(None, &environment, &server.parse().unwrap()).unwrap().map(|proxy| proxy.address.to_string())
    }

    #[test]
    fn no_proxy_names_the_cluster() {
        let proxied = [
            ("https://10.1.2.3:6443", ""),
            ("https://10.1.2.3:6443", "11.0.0.0/8"),
            ("https://10.1.2.3:6443", "10.1.2.3:443"),
            ("https://api.corp:6443", "proxy"),
            ("https://api.corp:6443", ".api.corp"),
            ("https://api.corp:6443", "*.api.corp"),
            ("https://xcorp", "corp"),
            ("https://[2001:db8::1]:6443", "2001:db9::/32"),
            ("https://10.1.2.3", "not-a-net/99, 10.0.0.0/33"),
        ];
        for (server, no_proxy) in proxied {
            assert_eq!(
                choice(server, "proxy:3128", no_proxy).as_deref(),
                Some("http://proxy:3128/"),
                "{server} {no_proxy}"
            );
        }
        let direct = [
            ("https://10.1.2.3:6443", "10.0.0.0/8"),
            ("https://10.1.2.3:6443", "a,, 10.1.2.3"),
            ("https://10.1.2.3:6443", "10.1.2.3:6443"),
            ("https://10.1.2.3", "10.1.2.3:443"),
            ("https://10.1.2.3", "0.0.0.0/0"),
            ("https://API.corp:6443", "corp"),
            ("https://api.corp:6443", ".CORP"),
            ("https://api.corp:6443", "*.corp"),
            ("https://api.corp:6443", "*"),
            ("https://[2001:db8::1]:6443", "2001:db8::/32"),
            ("https://[2001:db8::1]:6443", "[2001:db8::1]:6443"),
            ("https://127.0.0.1:6443", ""),
            ("https://localhost:6443", ""),
            ("https://[::1]:6443", ""),
        ];
        for (server, no_proxy) in direct {
            assert_eq!(choice(server, "proxy:3128", no_proxy), None, "{server} {no_proxy}");
        }
    }

    #[test]
    fn addresses() {
        let address = |proxy: &str| address(proxy).map(|uri| uri.to_string());
        assert_eq!(address("host:3128").as_deref(), Ok("http://host:3128/"));
        assert_eq!(address("socks5h://u:p@host:1080").as_deref(), Ok("socks5://u:p@host:1080/"));
        assert!(address("ftp://host").is_err());
        assert!(address("http://").is_err());
        assert!(!address("http://u:s3cret@ho st").unwrap_err().contains("s3cret"));
    }

    #[test]
    fn an_explicit_proxy_overrides_the_environment() {
        let environment = ProxyEnvironment { no_proxy: Some("*".to_owned()), ..Default::default() };
        let server = "https://10.1.2.3".parse().unwrap();
        assert!(choose(Some(("http://p:1", "--proxy-url")), &environment, &server).unwrap().is_some());
        assert!(choose(None, &environment, &server).unwrap().is_none());
    }

    #[test]
    fn a_plain_server_uses_the_plain_proxy() {
        assert_eq!(choice("http://10.1.2.3", "proxy:3128", "").as_deref(), Some("http://plain:80/"));
    }
}
