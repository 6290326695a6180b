//! Small file systems of a test's own, which can be filled.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Who may enter: the owner alone, or everybody who knows where to go.
pub const PRIVATE: &str = "0700";
pub const PASSABLE: &str = "0711";

/// A file system in memory, mounted for as long as this lives.
pub struct Mounted(PathBuf);

impl Mounted {
    /// Mounts a file system of so many MiB; nothing where the machine does not let us.
    pub fn at(path: PathBuf, mib: u64, mode: &str) -> Option<Self> {
        fs::create_dir_all(&path).expect("a directory");
        let options = format!("size={mib}m,mode={mode}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "offshoot-test"]).arg(&path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(path))
    }

    /// Writes a file that leaves this much free.
    pub fn fill(&self, free_mib: u64) {
        let ballast = self.ballast();
        drop(fs::remove_file(&ballast));
        let found = rustix::fs::statvfs(&self.0).expect("a file system");
        let free = found.f_bavail * found.f_frsize;
        let bytes = free.saturating_sub(free_mib << 20);
        fs::write(ballast, vec![1; usize::try_from(bytes).expect("a small file")]).expect("room");
    }

    /// Removes that file.
    pub fn empty(&self) {
        fs::remove_file(self.ballast()).expect("the ballast");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}
