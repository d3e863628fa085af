//! Messages of packages: what a collector is to have, and what it has.

use crate::hash::Hash;
use crate::message::Headers;
use std::collections::BTreeMap;

/// Packages to have, all of them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PackagesAvailable {
    /// By name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub packages: BTreeMap<String, PackageAvailable>,
    /// What both sides know them by.
    #[prost(bytes = "vec", tag = "2")]
    pub all_packages_hash: Vec<u8>,
}

/// A package to have.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PackageAvailable {
    /// What it is.
    #[prost(enumeration = "PackageType", tag = "1")]
    pub kind: i32,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Where it is to be had.
    #[prost(message, optional, tag = "3")]
    pub file: Option<DownloadableFile>,
    /// What both sides know it by.
    #[prost(bytes = "vec", tag = "4")]
    pub hash: Vec<u8>,
}

/// A file to be had.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DownloadableFile {
    /// Where.
    #[prost(string, tag = "1")]
    pub download_url: String,
    /// The SHA-256 of what is in it.
    #[prost(bytes = "vec", tag = "2")]
    pub content_hash: Vec<u8>,
    /// Who vouches for it.
    #[prost(bytes = "vec", tag = "3")]
    pub signature: Vec<u8>,
    /// What is to be sent to get it.
    #[prost(message, optional, tag = "4")]
    pub headers: Option<Headers>,
}

/// Which packages a collector has.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PackageStatuses {
    /// By name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub packages: BTreeMap<String, PackageStatus>,
    /// Of the packages that it was told of last.
    #[prost(bytes = "vec", tag = "2")]
    pub server_provided_all_packages_hash: Vec<u8>,
    /// What is wrong.
    #[prost(string, tag = "3")]
    pub error_message: String,
}

/// How it stands with a package.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PackageStatus {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version that is there.
    #[prost(string, tag = "2")]
    pub agent_has_version: String,
    /// The hash of what is there.
    #[prost(bytes = "vec", tag = "3")]
    pub agent_has_hash: Vec<u8>,
    /// The version that was offered.
    #[prost(string, tag = "4")]
    pub server_offered_version: String,
    /// The hash of what was offered.
    #[prost(bytes = "vec", tag = "5")]
    pub server_offered_hash: Vec<u8>,
    /// How far that is.
    #[prost(enumeration = "PackageState", tag = "6")]
    pub status: i32,
    /// What is wrong.
    #[prost(string, tag = "7")]
    pub error_message: String,
    /// How far that has come, while it is being fetched.
    #[prost(message, optional, tag = "8")]
    pub download_details: Option<PackageDownloadDetails>,
}

/// How far the fetching of a package has come.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PackageDownloadDetails {
    /// So much of a hundred.
    #[prost(double, tag = "1")]
    pub download_percent: f64,
    /// So fast.
    #[prost(double, tag = "2")]
    pub download_bytes_per_second: f64,
}

/// Kinds of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PackageType {
    /// The collector itself.
    TopLevel = 0,
    /// Something beside it.
    Addon = 1,
}

/// How far a package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PackageState {
    /// It is there.
    Installed = 0,
    /// It will be fetched.
    InstallPending = 1,
    /// It is being put in place.
    Installing = 2,
    /// It could not be had.
    InstallFailed = 3,
    /// It is being fetched.
    Downloading = 4,
}

impl PackagesAvailable {
    /// These packages and no others.
    pub fn of(packages: BTreeMap<String, PackageAvailable>) -> Self {
        let all_packages_hash = packages
            .iter()
            .fold(Hash::default(), |hash, (name, package)| hash.with(name.as_bytes()).with(&package.hash))
            .finish();
        Self { packages, all_packages_hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_packages_have_another_hash_and_none_have_one_as_well() {
        let package = |hash: &[u8]| PackageAvailable { hash: hash.to_vec(), ..PackageAvailable::default() };
        let of = |packages: &[(&str, &[u8])]| {
            let packages = packages.iter().map(|(name, hash)| ((*name).to_owned(), package(hash))).collect();
            PackagesAvailable::of(packages).all_packages_hash
        };
        let hashes = [of(&[]), of(&[("a", b"1")]), of(&[("a", b"2")]), of(&[("b", b"1")]), of(&[("a", b"1"), ("b", b"1")])];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(hash.len() == 32 && !hashes[..at].contains(hash), "{at}");
        }
    }
}
