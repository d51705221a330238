//! A drawing as SVG, and the shapes that every plot is made of. Colours are the style sheet's alone,
//! so that a plot is legible on light and dark. It must not know what is drawn.

use maud::{Markup, PreEscaped, html};

use super::style::{Marker, Style};
use crate::report::MARK;

/// The style of every plot, in the page and in files of their own.
pub(in crate::report) const STYLE: &str = include_str!("plot.css");

/// Room for the title in a file, where nothing else says it.
const HEADING: f64 = 30.0;

/// A plot as it is drawn.
#[derive(Clone, Debug)]
pub(in crate::report) struct Drawing {
    /// Of the page's elements no other has this name.
    pub(super) id: String,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    /// What it shows, for those who do not see it.
    pub(super) description: String,
    pub(super) body: Markup,
}

impl Drawing {
    /// As part of a page that has [`STYLE`].
    pub(in crate::report) fn inline(&self) -> Markup {
        self.svg(0.0, html! {})
    }

    /// As a file of its own.
    pub(in crate::report) fn file(&self) -> String {
        let (width, height) = (px(self.width), px(self.height + HEADING));
        let own = html! {
            metadata { (MARK) }
            style { (PreEscaped(STYLE)) }
            rect class="paper" x="0" y=(px(-HEADING)) width=(width) height=(height) {}
            (text("heading", "start", (8.0, -HEADING / 3.0), &self.title))
        };
        let svg = self.svg(HEADING, own).into_string();
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}\n")
    }

    /// With `above` pixels more at the top.
    fn svg(&self, above: f64, first: Markup) -> Markup {
        let (width, height) = (px(self.width), px(self.height + above));
        let (title, description) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        html! {
            svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img"
                viewBox={ "0 " (px(-above)) " " (width) " " (height) } width=(width) height=(height)
                aria-labelledby={ (title) " " (description) } {
                title id=(title) { (self.title) }
                desc id=(description) { (self.description) }
                (first)
                (self.body)
            }
        }
    }
}

/// Pixels, to a tenth.
pub(super) fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // There is no minus zero on a screen.
    format!("{}", rounded + 0.0)
}

pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
    html! {
        line class=(class) x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) {}
    }
}

/// `anchor` is `start`, `middle` or `end`.
pub(super) fn text(class: &str, anchor: &str, at: (f64, f64), said: &str) -> Markup {
    html! { text class=(class) text-anchor=(anchor) x=(px(at.0)) y=(px(at.1)) { (said) } }
}

/// About how wide a text is, in the widest of the fonts that it may be shown in.
pub(super) fn width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.9
}

/// About how wide the name of a look is, its marker not counted.
pub(super) fn name_width(style: &Style) -> f64 {
    let bold = if style.strong { 1.13 } else { 1.0 };
    width(&style.label) * bold
}

/// A marker of `look` around a point, a little larger where it is strong.
pub(super) fn marker(style: &Style, (x, y): (f64, f64)) -> Markup {
    let r = if style.strong { 4.6 } else { 3.8 };
    let polygon = |points: &[(f64, f64)]| {
        let said: Vec<String> = points
            .iter()
            .map(|(dx, dy)| format!("{},{}", px(x + dx * r), px(y + dy * r)))
            .collect();
        html! { polygon class="marker" points=(said.join(" ")) {} }
    };
    let strokes = |d: String| html! { path class="marker open" d=(d) {} };
    let square = |class: &str| {
        let (left, top, side) = (px(x - r * 0.9), px(y - r * 0.9), px(r * 1.8));
        html! { rect class=(class) x=(left) y=(top) width=(side) height=(side) {} }
    };
    match style.marker {
        Marker::Circle => html! { circle class="marker" cx=(px(x)) cy=(px(y)) r=(px(r)) {} },
        Marker::Ring => html! { circle class="marker hollow" cx=(px(x)) cy=(px(y)) r=(px(r)) {} },
        Marker::Square => square("marker"),
        Marker::Box => square("marker hollow"),
        Marker::Diamond => polygon(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
        Marker::Up => polygon(&[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)]),
        Marker::Down => polygon(&[(0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)]),
        Marker::Cross => {
            let (l, t, e, b) = (px(x - r), px(y - r), px(x + r), px(y + r));
            strokes(format!("M{l} {t}L{e} {b}M{l} {b}L{e} {t}"))
        }
        Marker::Plus => {
            let (l, t, e, b) = (px(x - r * 1.2), px(y - r * 1.2), px(x + r * 1.2), px(y + r * 1.2));
            strokes(format!("M{l} {}H{e}M{} {t}V{b}", px(y), px(x)))
        }
    }
}

/// Positions as close to the wanted ones as they can be with `gap` between them and within `bounds`,
/// in the order of the wanted ones.
pub(super) fn spread(wanted: &[f64], gap: f64, bounds: [f64; 2]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    // Groups of labels that touch, each with where its first would best stand.
    let mut groups: Vec<(Vec<usize>, f64)> = Vec::new();
    for index in order {
        groups.push((vec![index], wanted[index]));
        while let [.., (above, top), (below, start)] = groups.as_mut_slice() {
            if *top + above.len() as f64 * gap <= *start {
                break;
            }
            above.append(below);
            let last = above.len() as f64 - 1.0;
            let sum: f64 =
                above.iter().enumerate().map(|(at, &i)| wanted[i] - at as f64 * gap).sum();
            let best = sum / above.len() as f64;
            // Where the bounds are too narrow the upper one gives way.
            *top = best.min(bounds[1] - last * gap).max(bounds[0]);
            groups.pop();
        }
        if let Some((_, top)) = groups.last_mut() {
            *top = top.max(bounds[0]);
        }
    }
    let mut placed = vec![0.0; wanted.len()];
    for (group, top) in groups {
        for (at, index) in group.into_iter().enumerate() {
            placed[index] = top + at as f64 * gap;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_their_order_and_the_bounds() {
        assert_eq!(spread(&[10.0, 50.0], 14.0, [0.0, 100.0]), [10.0, 50.0]);
        assert_eq!(spread(&[52.0, 50.0], 14.0, [0.0, 100.0]), [58.0, 44.0]);
        let placed = spread(&[99.0, 98.0, 97.0, 20.0, 1.0, 0.0], 14.0, [0.0, 100.0]);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 13.999), "{sorted:?}");
        assert!(sorted[0] >= 0.0 && sorted[5] <= 100.0, "{sorted:?}");
        assert!(placed[0] > placed[1] && placed[1] > placed[2] && placed[4] > placed[5]);
    }

    #[test]
    fn a_file_is_svg_of_its_own_with_its_words_escaped() {
        let drawing = Drawing {
            id: "p".to_owned(),
            width: 10.0,
            height: 20.0,
            title: "<script> & more".to_owned(),
            description: "what it shows".to_owned(),
            body: html! { (line("grid", (1.0, -0.04), (2.0, 3.0))) },
        };
        let text = drawing.file();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("viewBox"), Some("0 -30 10 50"));
        let texts: Vec<_> = root.children().filter_map(|node| node.text()).collect();
        assert_eq!(texts[..2], ["<script> & more", "what it shows"]);
        assert!(text.contains("y1=\"0\"") && text.contains(MARK));
    }

    /// How bright a colour such as `#1b1f24` is.
    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn every_colour_of_a_text_stands_out_from_the_paper_by_day_and_by_night() {
        for scheme in STYLE.split("@media") {
            let block = &scheme[..scheme.find(".plot text").unwrap_or(scheme.len())];
            let colour = |name: &str| {
                let from = block.find(&format!("--{name}: ")).unwrap() + name.len() + 4;
                luminance(&block[from..from + 7])
            };
            let paper = colour("paper");
            for name in
                ["ink", "soft", "ring", "base", "floor", "other0", "other1", "other2", "other3"]
            {
                let (dark, light) = (paper.min(colour(name)), paper.max(colour(name)));
                let contrast = (light + 0.05) / (dark + 0.05);
                // What the guidelines for accessible content ask of text of usual size.
                assert!(contrast >= 4.5, "{name}: {contrast} in {block}");
            }
        }
    }
}
