//! A drawing as SVG, of one panel or several, and the shapes that every plot is made of. Colours are the style sheet's
//! alone, so that a plot is legible on light and dark. It must not know what is drawn.

use maud::{Markup, PreEscaped, html};

use super::style::Style;
use crate::report::MARK;

/// The style of every plot, in the page and in files of their own.
pub(in crate::report) const STYLE: &str = include_str!("plot.css");

/// Room for the title in a file, where nothing else says it.
const HEADING: f64 = 30.0;
/// Panels beside each other in a file. A page has as many as it has room for.
const BESIDE: usize = 4;

/// A plot as it is drawn.
#[derive(Clone, Debug)]
pub(in crate::report) struct Drawing {
    /// Of the page's elements no other has this name.
    pub(super) id: String,
    pub(super) title: String,
    /// What the axes of all panels are of; nothing where a panel says it.
    pub(super) axes: String,
    /// Width and height of a panel.
    pub(super) size: (f64, f64),
    pub(super) panels: Vec<Panel>,
}

/// One of its pictures.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    /// What it shows, for those who do not see it.
    pub(super) description: String,
    pub(super) body: Markup,
}

impl Drawing {
    /// As part of a page that has [`STYLE`].
    pub(in crate::report) fn inline(&self) -> Markup {
        let panel = |(at, panel): (usize, &Panel)| {
            let names = (format!("{}-{at}-title", self.id), format!("{}-{at}-desc", self.id));
            svg(
                names,
                &panel.title,
                &panel.description,
                [0.0, self.size.0, self.size.1],
                &panel.body,
            )
        };
        html! {
            @if !self.axes.is_empty() {
                p class="axes" { (self.axes) }
            }
            div class={ "panels" @if self.panels.len() > 1 { " several" } } {
                @for one in self.panels.iter().enumerate() {
                    (panel(one))
                }
            }
        }
    }

    /// As a file of its own.
    pub(in crate::report) fn file(&self) -> String {
        // Panels are narrower than the words above them.
        let is_one = self.axes.is_empty();
        let columns = if is_one { 1 } else { BESIDE };
        let above = if is_one { HEADING } else { HEADING * 1.7 };
        let rows = self.panels.len().div_ceil(columns);
        let (width, height) = (self.size.0 * columns as f64, self.size.1 * rows as f64);
        let body = html! {
            metadata { (MARK) }
            style { (PreEscaped(STYLE)) }
            rect class="paper" x="0" y=(px(-above)) width=(px(width)) height=(px(height + above)) {}
            (text("heading", "start", (8.0, 20.0 - above), &self.title))
            @if !self.axes.is_empty() {
                (text("axis", "start", (8.0, 40.0 - above), &self.axes))
            }
            @for (at, panel) in self.panels.iter().enumerate() {
                @let (x, y) = ((at % columns) as f64 * self.size.0, (at / columns) as f64 * self.size.1);
                g transform={ "translate(" (px(x)) " " (px(y)) ")" } { (panel.body) }
            }
        };
        let said: Vec<&str> = self.panels.iter().map(|panel| panel.description.as_str()).collect();
        let names = (format!("{}-title", self.id), format!("{}-desc", self.id));
        let size = [above, width, height + above];
        let svg = svg(names, &self.title, &said.join(" "), size, &body).into_string();
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}\n")
    }
}

/// A picture whose top is `above` the zero of its body.
fn svg(
    (title, description): (String, String),
    named: &str,
    said: &str,
    [above, width, height]: [f64; 3],
    body: &Markup,
) -> Markup {
    let (width, height) = (px(width), px(height));
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img"
            viewBox={ "0 " (px(-above)) " " (width) " " (height) } width=(width) height=(height)
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { (named) }
            desc id=(description) { (said) }
            (body)
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

/// About how wide the name of a look is.
pub(super) fn name_width(style: &Style) -> f64 {
    let bold = if style.strong { 1.13 } else { 1.0 };
    width(&style.label) * bold
}

/// A mark at a point.
pub(super) fn dot((x, y): (f64, f64)) -> Markup {
    html! { circle class="dot" cx=(px(x)) cy=(px(y)) r="3" {} }
}

/// Those of `named` values that have room beside each other, from left to right: where each stands, and its name.
pub(super) fn with_room(
    named: impl IntoIterator<Item = (f64, String)>,
    each: f64,
) -> Vec<(f64, String)> {
    let mut taken = f64::NEG_INFINITY;
    let mut names = Vec::new();
    for (at, name) in named {
        let half = name.chars().count() as f64 * each / 2.0;
        if at - half > taken {
            taken = at + half + 5.0;
            names.push((at, name));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_have_no_room_are_left_out() {
        let named = [(0.0, "8 B"), (20.0, "64 B"), (60.0, "256 B"), (90.0, "1 KiB")];
        let shown = with_room(named.map(|(at, name)| (at, name.to_owned())), 8.0);
        assert_eq!(
            shown.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(),
            ["8 B", "256 B"]
        );
    }

    #[test]
    fn a_file_is_svg_of_its_own_with_its_words_escaped() {
        let panel = Panel {
            title: "one".to_owned(),
            description: "what it shows".to_owned(),
            body: html! { (line("grid", (1.0, -0.04), (2.0, 3.0))) },
        };
        let drawing = Drawing {
            id: "p".to_owned(),
            title: "<script> & more".to_owned(),
            axes: String::new(),
            size: (10.0, 20.0),
            panels: vec![panel.clone()],
        };
        let text = drawing.file();
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("viewBox"), Some("0 -30 10 50"));
        let texts: Vec<_> = root.children().filter_map(|node| node.text()).collect();
        assert_eq!(texts[..2], ["<script> & more", "what it shows"]);
        assert!(text.contains("y1=\"0\"") && text.contains(MARK));
        // Several stand in rows of four, below what their axes are of.
        let axes = "up and along".to_owned();
        let text = Drawing { axes, panels: vec![panel; 5], ..drawing }.file();
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(document.root_element().attribute("viewBox"), Some("0 -51 40 91"));
        let places = document.descendants().filter_map(|node| node.attribute("transform"));
        let wanted = [(0, 0), (10, 0), (20, 0), (30, 0), (0, 20)];
        let wanted = wanted.map(|(x, y)| format!("translate({x} {y})"));
        assert_eq!(places.collect::<Vec<_>>(), wanted);
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
            for name in ["ink", "soft", "default", "ring", "base", "floor", "other"] {
                let (dark, light) = (paper.min(colour(name)), paper.max(colour(name)));
                let contrast = (light + 0.05) / (dark + 0.05);
                // What the guidelines for accessible content ask of text of usual size.
                assert!(contrast >= 4.5, "{name}: {contrast} in {block}");
            }
        }
    }
}
