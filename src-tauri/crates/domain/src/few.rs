//! Many names in one sentence.

/// Up to so many are all named.
const ALL: usize = 6;
/// Of more than that the first few are, and the others counted.
const FIRST: usize = 3;

/// `a, b`, or `a, b, c and 97 others`.
pub fn few<T: AsRef<str>>(names: &[T]) -> String {
    let shown = match names.len() > ALL {
        true => &names[..FIRST],
        false => names,
    };
    let shown: Vec<&str> = shown.iter().map(T::as_ref).collect();
    let listed = shown.join(", ");
    match names.len() - shown.len() {
        0 => listed,
        others => format!("{listed} and {others} others"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_named_many_are_counted() {
        let names: Vec<String> = (1..=100).map(|n| format!("n{n}")).collect();
        assert_eq!(few::<&str>(&[]), "");
        assert_eq!(few(&names[..1]), "n1");
        assert_eq!(few(&names[..6]), "n1, n2, n3, n4, n5, n6");
        assert_eq!(few(&names[..7]), "n1, n2, n3 and 4 others");
        assert_eq!(few(&names), "n1, n2, n3 and 97 others");
    }
}
