//! The address of a real node: the kubelet takes none of the loopback interface for one.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use crate::error::{Doing, Error};

pub const LINK: &str = "testbed-node";

/// Two networks that this machine does not use: the node's own, and its pods'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networks {
    second: u8,
}

impl Networks {
    pub fn find() -> Result<Self, Error> {
        let routes = fs::read_to_string("/proc/net/route").doing("cannot read /proc/net/route")?;
        free(&routes).ok_or_else(|| Error::new("every network in 10.0.0.0/8 is in use on this machine"))
    }

    pub fn node(self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.second, 0, 1)
    }

    /// The first three bytes of the pods' addresses.
    pub fn pods(self) -> [u8; 3] {
        [10, self.second, 1]
    }

    pub fn pod_subnet(self) -> String {
        let [a, b, c] = self.pods();
        format!("{a}.{b}.{c}.0/24")
    }
}

/// By the kernel's table of routes, whose addresses have the last byte first.
fn free(routes: &str) -> Option<Networks> {
    let used = |second: &u8| {
        let end = format!("{second:02X}0A");
        routes.lines().filter_map(|line| line.split_whitespace().nth(1)).any(|to| to.ends_with(&end))
    };
    (200..=254).rev().find(|second| !used(second)).map(|second| Networks { second })
}

/// A pair of interfaces of which one gets the address. With busybox's `ip`, which needs no package of its own.
pub fn add_link(busybox: &Path, networks: Networks) -> Result<(), Error> {
    let address = format!("{}/24", networks.node());
    for args in [
        &["link", "add", LINK, "type", "veth"][..],
        &["addr", "add", &address, "dev", LINK],
        &["link", "set", LINK, "up"],
    ] {
        let output = Command::new(busybox).arg("ip").args(args).output().doing("cannot run busybox")?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            return Err(Error::new(format!("cannot make a network interface: ip {}: {why}", args.join(" "))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_used_is_not_taken() {
        let row = |to: &str| format!("Iface\tDestination\tGateway\neth0\t{to}\t00000000\n");
        assert_eq!(free(&row("00000000")), Some(Networks { second: 254 }));
        assert_eq!(free(&row("0001FE0A")), Some(Networks { second: 253 }));
        let all: String = (200..=254).map(|second| row(&format!("0000{second:02X}0A"))).collect();
        assert_eq!(free(&all), None);
    }
}
