//! `completions` and `man`: what a shell and `man` want to know of this program, from its own command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::env::Shells;

use crate::cli::{Cli, Completions, Man};
use crate::completing;
use crate::failure::{Code, Failure};

pub(crate) fn completions(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    let (shells, name) = (Shells::builtins(), Cli::command().get_name().to_owned());
    // The same five shells, by the same names.
    let shell = shells.completer(&completions.shell.to_string()).expect("clap_complete knows it");
    shell.write_registration(completing::VARIABLE, &name, &name, &name, &mut script)?;
    io::stdout().lock().write_all(&script)?;
    Ok(())
}

pub(crate) fn man(man: &Man) -> Result<(), Failure> {
    let mut whole = Cli::command();
    // Fills in what the commands take from the whole.
    whole.build();
    let command = match &man.command {
        None => whole,
        Some(name) => match whole.find_subcommand(name) {
            Some(command) => command.clone(),
            None => {
                let what = format!("there is no command {name:?}");
                return Err(Failure::new(Code::Usage, what, "`shm-ring help` lists them"));
            }
        },
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    io::stdout().lock().write_all(&page)?;
    Ok(())
}
