//! "Did you mean".

/// Says that a name is unknown, and which of the known ones may have been meant.
pub(crate) fn unknown<'a>(
    what: &str,
    shown: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    let nearest = known
        .iter()
        .map(|known| (distance(&name.to_lowercase(), &known.to_lowercase()), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    match nearest {
        Some((_, nearest)) => format!("no {what} `{shown}`; did you mean `{nearest}`?"),
        None if known.is_empty() => format!("no {what} `{shown}`"),
        None => format!("no {what} `{shown}`; there are: {}", known.join(", ")),
    }
}

/// How many letters have to be inserted, deleted or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let up = *cell;
            *cell = (left + 1).min(up + 1).min(diagonal + usize::from(a != *b));
            (diagonal, left) = (up, *cell);
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_if_it_is_near() {
        let known = ["Greeter.Hello", "Greeter.Watch"];
        assert_eq!(
            unknown("method", "Greeter.hallo", "Greeter.hallo", known),
            "no method `Greeter.hallo`; did you mean `Greeter.Hello`?"
        );
        assert_eq!(
            unknown("method", "X.Y", "X.Y", known),
            "no method `X.Y`; there are: Greeter.Hello, Greeter.Watch"
        );
        assert_eq!(unknown("service", "x", "x", []), "no service `x`");
    }

    #[test]
    fn the_distance_counts_edits() {
        for (a, b, edits) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }
}
