use super::*;
use crate::Value;
