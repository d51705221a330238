//! Owns: the kernel as the models need it: inodes and one name, open file descriptions with their locks, tables of
//! descriptors, fork and exit. Knows nothing of: rings; what a lock or a name stands for.

/// Inodes that may exist at once.
pub const INODES: usize = 4;
/// Open file descriptions that may exist at once.
const DESCRIPTIONS: usize = PROCESSES * DESCRIPTORS + 3;
/// Descriptors of one process.
pub const DESCRIPTORS: usize = 5;
/// Processes.
pub const PROCESSES: usize = 3;
/// Ranges of a file that can be locked: one a role.
pub const RANGES: usize = 2;

/// An OFD lock on a range, or what `F_OFD_GETLK` answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lock {
    /// None.
    #[default]
    Free,
    /// `F_RDLCK`: anybody who can read the file may take it.
    Read,
    /// `F_WRLCK`.
    Write,
}

impl Lock {
    /// Whether two descriptions cannot hold these at once.
    fn excludes(self, other: Self) -> bool {
        matches!((self, other), (Self::Write, Self::Read | Self::Write) | (Self::Read, Self::Write))
    }
}

/// An open file description. Locks belong to it, and not to a process: each descriptor that leads here, in whatever
/// process, can release them, and the kernel releases them with the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Description {
    inode: u8,
    locks: [Lock; RANGES],
}

/// A descriptor: an index of its process's table.
pub type Fd = u8;

/// The kernel's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The inode that the name leads to.
    pub name: Option<u8>,
    /// How many names lead to each inode. [`Kernel::name`] is one of them.
    links: [u8; INODES],
    /// Pages that each inode has.
    pages: [u8; INODES],
    /// Which inodes exist.
    exists: [bool; INODES],
    /// Pages that are left.
    free: u8,
    descriptions: [Option<Description>; DESCRIPTIONS],
    tables: [[Option<u8>; DESCRIPTORS]; PROCESSES],
}

impl Kernel {
    /// A machine with this many pages of memory.
    pub fn with_pages(free: u8) -> Self {
        Self { free, ..Self::default() }
    }

    fn description(&self, process: usize, fd: Fd) -> &Description {
        let index = self.tables[process][fd as usize].expect("an open descriptor");
        self.descriptions[index as usize].as_ref().expect("an open description")
    }

    fn description_mut(&mut self, process: usize, fd: Fd) -> &mut Description {
        let index = self.tables[process][fd as usize].expect("an open descriptor");
        self.descriptions[index as usize].as_mut().expect("an open description")
    }

    /// Enters a new description into the lowest free place of the process's table.
    fn install(&mut self, process: usize, inode: u8) -> Fd {
        let fd = self.tables[process].iter().position(Option::is_none).expect("few descriptors");
        // A place that depends on nothing else, so that the order of opens makes no different state. A child may still
        // have what its parent had there.
        let place = process * DESCRIPTORS + fd;
        let all = core::iter::once(place).chain(PROCESSES * DESCRIPTORS..DESCRIPTIONS);
        let mut free = all.filter(|index| self.descriptions[*index].is_none());
        let index = free.next().expect("few descriptions");
        self.descriptions[index] = Some(Description { inode, locks: [Lock::Free; RANGES] });
        self.tables[process][fd] = Some(index as u8);
        fd as Fd
    }

    /// Whether a descriptor is open.
    pub fn is_open(&self, process: usize, fd: Fd) -> bool {
        self.tables[process][fd as usize].is_some()
    }

    /// Which inode a descriptor leads to.
    pub fn inode(&self, process: usize, fd: Fd) -> u8 {
        self.description(process, fd).inode
    }

    /// How many names lead to what a descriptor leads to: `st_nlink` of `fstat`.
    pub fn links(&self, process: usize, fd: Fd) -> u8 {
        self.links[self.inode(process, fd) as usize]
    }

    /// `open(O_TMPFILE)`: an inode without a name and without pages.
    pub fn make(&mut self, process: usize) -> Fd {
        let inode = self.exists.iter().position(|exists| !exists).expect("few inodes");
        self.exists[inode] = true;
        self.install(process, inode as u8)
    }

    /// `fallocate`: one page more, `false` if there is none.
    pub fn allocate(&mut self, process: usize, fd: Fd) -> bool {
        let inode = self.inode(process, fd) as usize;
        let there = self.free > 0;
        if there {
            self.free -= 1;
            self.pages[inode] += 1;
        }
        there
    }

    /// `open` by the name.
    pub fn open(&mut self, process: usize) -> Option<Fd> {
        self.name.map(|inode| self.install(process, inode))
    }

    /// Opens the same file through a new description.
    pub fn reopen(&mut self, process: usize, fd: Fd) -> Fd {
        let inode = self.inode(process, fd);
        self.install(process, inode)
    }

    /// A file of no interest: whatever else a process opens.
    pub fn open_something_else(&mut self, process: usize, inode: u8) -> Fd {
        self.exists[inode as usize] = true;
        self.install(process, inode)
    }

    /// `F_OFD_SETLK`: `false` for `EAGAIN`.
    pub fn lock(&mut self, process: usize, fd: Fd, range: usize, lock: Lock) -> bool {
        let free = self.blocker(process, fd, range, lock) == Lock::Free;
        if free {
            self.description_mut(process, fd).locks[range] = lock;
        }
        free
    }

    /// `F_OFD_GETLK`: the lock of another description that excludes this one.
    pub fn blocker(&self, process: usize, fd: Fd, range: usize, lock: Lock) -> Lock {
        let own = self.tables[process][fd as usize];
        let inode = self.inode(process, fd);
        let others = self.descriptions.iter().enumerate();
        others
            .filter(|(index, _)| Some(*index as u8) != own)
            .filter_map(|(_, other)| other.as_ref())
            .filter(|other| other.inode == inode)
            .map(|other| other.locks[range])
            .find(|other| lock.excludes(*other))
            .unwrap_or_default()
    }

    /// Which lock a descriptor's description holds.
    pub fn holds(&self, process: usize, fd: Fd, range: usize) -> Lock {
        self.description(process, fd).locks[range]
    }

    /// Whether any description holds a write lock on the range of an inode.
    pub fn is_locked(&self, inode: u8, range: usize) -> bool {
        let mut all = self.descriptions.iter().flatten();
        all.any(|other| other.inode == inode && other.locks[range] == Lock::Write)
    }

    /// `close`.
    pub fn close(&mut self, process: usize, fd: Fd) {
        let index = self.tables[process][fd as usize].take();
        let used = self.tables.iter().flatten().any(|entry| *entry == index);
        if let (Some(index), false) = (index, used) {
            self.descriptions[index as usize] = None;
        }
        self.reclaim();
    }

    /// What the kernel does with the descriptors of a process that ends.
    pub fn exit(&mut self, process: usize) {
        for fd in 0..DESCRIPTORS {
            self.close(process, fd as Fd);
        }
    }

    /// `fork`: the child has a descriptor for each of its parent's, of the same description.
    pub fn fork(&mut self, parent: usize, child: usize) {
        self.tables[child] = self.tables[parent];
    }

    /// `linkat` to the name, which replaces nothing: `false` for `EEXIST`.
    pub fn link(&mut self, process: usize, fd: Fd) -> bool {
        let free = self.name.is_none();
        if free {
            let inode = self.inode(process, fd);
            self.links[inode as usize] += 1;
            self.name = Some(inode);
        }
        free
    }

    /// `linkat` to a temporary name, for a later rename.
    pub fn link_elsewhere(&mut self, process: usize, fd: Fd) {
        let inode = self.inode(process, fd) as usize;
        self.links[inode] += 1;
    }

    /// `unlinkat` of the name: which inode lost it.
    pub fn unlink(&mut self) -> Option<u8> {
        let inode = self.name.take()?;
        self.links[inode as usize] -= 1;
        self.reclaim();
        Some(inode)
    }

    /// `rename` of the temporary name over the name: which inode lost it.
    pub fn rename_over(&mut self, process: usize, fd: Fd) -> Option<u8> {
        let inode = self.inode(process, fd);
        let lost = self.unlink();
        self.name = Some(inode);
        lost
    }

    /// `rename` of the name to another one: which inode it was.
    pub fn rename_away(&mut self) -> Option<u8> {
        self.name.take()
    }

    /// `renameat2(RENAME_NOREPLACE)` of an inode's other name to the name.
    pub fn rename_back(&mut self, inode: u8) -> bool {
        let free = self.name.is_none();
        if free {
            self.name = Some(inode);
        }
        free
    }

    /// `unlinkat` of an inode's temporary name.
    pub fn unlink_elsewhere(&mut self, inode: u8) {
        self.links[inode as usize] -= 1;
        self.reclaim();
    }

    /// Gives back the inodes that neither a name nor a description leads to.
    fn reclaim(&mut self) {
        for inode in 0..INODES {
            let mut open = self.descriptions.iter().flatten();
            let held = open.any(|other| other.inode as usize == inode);
            if self.exists[inode] && self.links[inode] == 0 && !held {
                self.exists[inode] = false;
                self.free += core::mem::take(&mut self.pages[inode]);
            }
        }
    }

    /// Whether an inode exists: a slot that is used again is another one.
    pub fn exists(&self, inode: u8) -> bool {
        self.exists[inode as usize]
    }
}
