//! Text of other people's in documents of ours: doc comments and names.

/// A doc comment outside of rustdoc: links to Rust items lead nowhere there, and headings are not of our page.
pub(super) fn of_doc(doc: &str) -> String {
    let mut is_code = false;
    let lines = doc.trim().lines().map(|line| {
        // What stands between the slashes and the text.
        let line = line.strip_prefix(' ').unwrap_or(line).trim_end();
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            if let Some(heading) = line.strip_prefix('#') {
                return format!("**{}**", heading.trim_start_matches('#').trim());
            }
            return without_links(line);
        }
        line.to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The first paragraph, on one line.
pub(super) fn summary(doc: &str) -> String {
    let doc = of_doc(doc);
    let first = doc.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A line with the texts of its links to Rust items in place of them. Others stay.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let Some((label, after)) = after.split_once(']') else {
            text.push('[');
            rest = after;
            continue;
        };
        let (target, end) = match after.strip_prefix('(').and_then(|inside| inside.split_once(')')) {
            Some((target, end)) => (Some(target), end),
            None => (None, after),
        };
        let is_item = match target {
            Some(target) => target.contains("::") || !target.contains(['/', '.', '#']),
            None => label.starts_with('`') && label.ends_with('`'),
        };
        match target {
            _ if is_item => text.push_str(label),
            Some(target) => text.push_str(&format!("[{label}]({target})")),
            None => text.push_str(&format!("[{label}]")),
        }
        rest = end;
    }
    text + rest
}

/// A name between backticks, in a cell of a table as well.
pub(super) fn code(name: &str) -> String {
    let ticks = "`".repeat(1 + longest_run(name));
    let space = if name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    // In a table a bar ends the cell, even between backticks.
    let name = name.replace('|', "\\|").replace(['\n', '\r'], " ");
    format!("{ticks}{space}{name}{space}{ticks}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A line of text of which nothing is taken for Markdown.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A paragraph as a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// Where a heading with this text alone is linked to, as it is on GitHub and GitLab.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        _ => None,
    });
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_items_become_their_texts() {
        let doc = "See [`Card`] and [how](crate::Card::keep), or [the site](https://a.example/x_y) [1].";
        assert_eq!(of_doc(doc), "See `Card` and how, or [the site](https://a.example/x_y) [1].");
        assert_eq!(of_doc("a [ b"), "a [ b");
    }

    #[test]
    fn headings_are_not_of_the_page_but_code_stays() {
        assert_eq!(
            of_doc(" # Errors\n ```\n # let a = [`b`];\n ```"),
            "**Errors**\n```\n# let a = [`b`];\n```"
        );
        assert_eq!(summary("One\ntwo.\n\nThree."), "One two.");
    }

    #[test]
    fn names_stay_names() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("`a`"), "`` `a` ``");
        assert_eq!(plain("a*b|c\nd"), "a\\*b\\|c d");
        assert_eq!(anchor("order.payment_received"), "orderpayment_received");
    }
}
