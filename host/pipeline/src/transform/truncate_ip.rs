//! `truncate_ip`: cuts addresses down to their network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::Value;

use super::error::parts;
use super::leaf::{Leaf, Leaves};
use super::{Compiled, Effect};

/// What of an IPv4 address stays: /24, all but the last of four numbers.
const IPV4: u32 = 0xFFFF_FF00;

/// What of an IPv6 address stays: /48, what a provider gives to one site.
const IPV6: u128 = !0 << 80;

#[derive(Clone, Debug)]
struct TruncateIp;

pub(super) fn compile(fields: &[String]) -> Compiled {
    Ok(Effect::change(Leaves::each(parts(fields)?, &TruncateIp)))
}

impl Leaf for TruncateIp {
    /// What is no address becomes null: whatever it is, it was meant to be one.
    fn change(&self, value: &Value) -> Option<Value> {
        let truncated = value.as_str().and_then(truncate).map_or(Value::Null, Value::String);
        (*value != truncated).then_some(truncated)
    }
}

/// One address, with a port or without, or several with commas between, as in `X-Forwarded-For`.
fn truncate(text: &str) -> Option<String> {
    let addresses = text.split(',').map(|part| Some(network(address(part.trim())?).to_string()));
    addresses.collect::<Option<Vec<_>>>().map(|addresses| addresses.join(", "))
}

fn address(text: &str) -> Option<IpAddr> {
    let without_zone = || text.split_once('%')?.0.parse().ok();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed).or_else(without_zone)
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & IPV4).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6).into(),
    }
}
