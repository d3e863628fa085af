//! `warren-collector`, the default distribution.
fn main() {}
