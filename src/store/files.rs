//! Moving, copying, removing; what is kept is read-only, what is handed out is not.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::content::stamp_of;
use super::error::StoreError;
use super::tree::{Links, Tree};

/// Removes a tree, read-only folders in it too.
pub fn remove(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return fs::remove_file(path);
    }
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(path)? {
        remove(&entry?.path())?;
    }
    fs::remove_dir(path)
}

/// Copies a file or folder out of the store, writable again.
pub fn copy_out(from: &Path, to: &Path) -> Result<(), StoreError> {
    copy_tree(from, to, Links::Anywhere)?;
    set_modes(to, 0o755, 0o644)
}

/// Copies a file or folder, links as what they lead to.
///
/// # Errors
/// It cannot be read or written, or changes meanwhile.
pub(super) fn copy_tree(from: &Path, to: &Path, links: Links) -> Result<(), StoreError> {
    let gone = || StoreError::io(from)(io::ErrorKind::NotFound.into());
    let tree = Tree::at(from, links)?.ok_or_else(gone)?;
    if tree.is_folder {
        fs::create_dir(to).map_err(StoreError::io(to))?;
    }
    for entry in &tree.entries {
        let (from, to) = if tree.is_folder { (from.join(&entry.path), to.join(&entry.path)) } else { (from.into(), to.into()) };
        if entry.metadata.is_dir() {
            fs::create_dir_all(&to).map_err(StoreError::io(&to))?;
            continue;
        }
        if tree.is_folder
            && let Some(folder) = to.parent()
        {
            fs::create_dir_all(folder).map_err(StoreError::io(folder))?;
        }
        fs::copy(&from, &to).map_err(StoreError::io(&to))?;
    }
    match Tree::at(from, links)? {
        Some(after) if stamp_of(&after.entries) == stamp_of(&tree.entries) => Ok(()),
        _ => Err(StoreError::Changed { path: from.to_path_buf() }),
    }
}

/// Moves a tree without links; across file systems it is copied.
pub(super) fn move_tree(from: &Path, to: &Path) -> Result<(), StoreError> {
    match fs::rename(from, to) {
        Err(e) if e.kind() == io::ErrorKind::CrossesDevices => copy_tree(from, to, Links::Inside),
        other => other.map_err(StoreError::io(from)),
    }
}

pub(super) fn make_read_only(path: &Path) -> Result<(), StoreError> {
    set_modes(path, 0o555, 0o444)
}

/// Executable files get the mode of folders. Folders last, so that their files can still be reached.
fn set_modes(path: &Path, folder: u32, file: u32) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(StoreError::io(path))?;
    if metadata.is_dir() {
        set_mode(path, 0o755)?;
        for entry in fs::read_dir(path).map_err(StoreError::io(path))? {
            set_modes(&entry.map_err(StoreError::io(path))?.path(), folder, file)?;
        }
    }
    let executable = metadata.permissions().mode() & 0o111 != 0;
    set_mode(path, if metadata.is_dir() || executable { folder } else { file })
}

pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), StoreError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(StoreError::io(path))
}

/// Makes a file, or a folder with all that it holds, durable.
pub(super) fn sync_tree(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(StoreError::io(path))? {
            sync_tree(&entry.map_err(StoreError::io(path))?.path())?;
        }
    }
    sync(path)
}

/// Makes one file's bytes, or one folder's list of names, durable.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(StoreError::io(path))
}
