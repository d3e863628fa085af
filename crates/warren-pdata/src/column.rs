//! A column of values that often are all equal.

/// A sequence that stores one value while all are equal, and a vector from the first that differs.
#[derive(Clone, Debug)]
pub enum Column<T> {
    /// So many times the same value.
    Same {
        /// The value.
        value: T,
        /// How often it stands.
        len: usize,
    },
    /// One value each.
    Each(Vec<T>),
}

impl<T: Copy + PartialEq + Default> Default for Column<T> {
    fn default() -> Self {
        Self::Same { value: T::default(), len: 0 }
    }
}

impl<T: Copy + PartialEq + Default> Column<T> {
    /// A column of `len` times `value`.
    pub fn same(value: T, len: usize) -> Self {
        Self::Same { value, len }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Same { len, .. } => *len,
            Self::Each(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at `index`; the default beyond the end.
    pub fn get(&self, index: usize) -> T {
        match self {
            Self::Same { value, len } if index < *len => *value,
            Self::Same { .. } => T::default(),
            Self::Each(values) => values.get(index).copied().unwrap_or_default(),
        }
    }

    /// The one value, if all are equal and there is at least one.
    pub fn single(&self) -> Option<T> {
        match self {
            Self::Same { value, len } if *len > 0 => Some(*value),
            _ => None,
        }
    }

    /// All values, in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Appends a value.
    pub fn push(&mut self, item: T) {
        match self {
            Self::Same { value, len } if *len == 0 || *value == item => {
                *value = item;
                *len += 1;
            }
            Self::Same { .. } => self.spread().push(item),
            Self::Each(values) => values.push(item),
        }
    }

    /// Replaces the value at `index`; does nothing beyond the end.
    pub fn set(&mut self, index: usize, item: T) {
        if index >= self.len() || self.get(index) == item {
            return;
        }
        if let Some(slot) = self.spread().get_mut(index) {
            *slot = item;
        }
    }

    /// Gives every place the same value.
    pub fn fill(&mut self, item: T) {
        *self = Self::Same { value: item, len: self.len() };
    }

    /// Keeps the values whose index `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(usize) -> bool) {
        match self {
            Self::Same { len, .. } => *len = (0..*len).filter(|&index| keep(index)).count(),
            Self::Each(values) => {
                let mut index = 0;
                values.retain(|_| {
                    index += 1;
                    keep(index - 1)
                });
            }
        }
    }

    /// Cuts the column at `at` and returns the rest.
    pub fn split_off(&mut self, at: usize) -> Self {
        match self {
            Self::Same { value, len } => {
                let kept = at.min(*len);
                let rest = *len - kept;
                *len = kept;
                Self::Same { value: *value, len: rest }
            }
            Self::Each(values) => Self::Each(values.split_off(at.min(values.len()))),
        }
    }

    /// Appends all values of another column.
    pub fn append(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Same { value, len }, Self::Same { value: theirs, len: more })
                if *len == 0 || value == theirs || *more == 0 =>
            {
                if *more > 0 {
                    *value = *theirs;
                }
                *len += more;
            }
            _ => {
                let values = self.spread();
                values.extend(other.iter());
            }
        }
    }

    /// Heap bytes.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Same { .. } => 0,
            Self::Each(values) => values.capacity() * size_of::<T>(),
        }
    }

    fn spread(&mut self) -> &mut Vec<T> {
        if let Self::Same { value, len } = self {
            *self = Self::Each(vec![*value; *len]);
        }
        match self {
            Self::Each(values) => values,
            Self::Same { .. } => unreachable!("spread above"),
        }
    }
}

impl<T: Copy + PartialEq + Default> PartialEq for Column<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<T: Copy + PartialEq + Default> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut column = Self::default();
        items.into_iter().for_each(|item| column.push(item));
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn prop_a_column_behaves_as_a_vector(values in proptest::collection::vec(0u64..3, 0..40), more in proptest::collection::vec(0u64..3, 0..10), at in 0usize..50, set in 0u64..4) {
            let mut column: Column<u64> = values.iter().copied().collect();
            let mut vector = values.clone();
            prop_assert_eq!(column.iter().collect::<Vec<_>>(), vector.clone());
            if at < vector.len() { vector[at] = set; }
            column.set(at, set);
            column.append(&more.iter().copied().collect());
            vector.extend(more);
            prop_assert_eq!(column.iter().collect::<Vec<_>>(), vector.clone());
            let rest = column.split_off(at);
            let expected = vector.split_off(at.min(vector.len()));
            prop_assert_eq!(rest.iter().collect::<Vec<_>>(), expected);
            column.retain(|index| index % 3 != 1);
            let kept: Vec<u64> = vector.iter().enumerate().filter(|(index, _)| index % 3 != 1).map(|(_, v)| *v).collect();
            prop_assert_eq!(column.iter().collect::<Vec<_>>(), kept);
        }
    }
}
