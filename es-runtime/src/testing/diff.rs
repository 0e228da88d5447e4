//! What differs between two lists.

/// One step from the one list to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<T> {
    /// In both.
    Same(T),
    /// In the first only.
    Gone(T),
    /// In the second only.
    New(T),
}

/// The fewest steps from `first` to `second`; what is gone stands before what is new.
pub(super) fn diff<'a, T: PartialEq>(first: &'a [T], second: &'a [T]) -> Vec<Step<&'a T>> {
    // How long a list the rests of both have in common.
    let width = second.len() + 1;
    let mut common = vec![0_u32; (first.len() + 1) * width];
    for i in (0..first.len()).rev() {
        for j in (0..second.len()).rev() {
            common[i * width + j] = if first[i] == second[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut steps, mut i, mut j) = (Vec::new(), 0, 0);
    while i < first.len() || j < second.len() {
        if i < first.len() && j < second.len() && first[i] == second[j] {
            steps.push(Step::Same(&first[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == second.len()
            || (i < first.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            steps.push(Step::Gone(&first[i]));
            i += 1;
        } else {
            steps.push(Step::New(&second[j]));
            j += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_steps() {
        use Step::{Gone, New, Same};
        assert_eq!(diff(&[1, 2, 3], &[1, 3, 4]), [Same(&1), Gone(&2), Same(&3), New(&4)]);
        assert_eq!(diff(&[1], &[2]), [Gone(&1), New(&2)]);
        assert_eq!(diff(&[], &[2]), [New(&2)]);
        assert_eq!(diff::<u8>(&[], &[]), []);
    }
}
