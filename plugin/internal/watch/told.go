package watch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// fileSystems names those that matter, by the magic number that statfs gives. told means that the kernel tells of all changes: on a
// network file system, or one that is made by another program or machine, it knows only of those that were made through it.
var fileSystems = map[uint32]struct {
	name string
	told bool
}{
	unix.EXT4_SUPER_MAGIC:      {"ext4", true},
	unix.XFS_SUPER_MAGIC:       {"xfs", true},
	unix.BTRFS_SUPER_MAGIC:     {"btrfs", true},
	unix.F2FS_SUPER_MAGIC:      {"f2fs", true},
	unix.TMPFS_MAGIC:           {"tmpfs", true},
	unix.RAMFS_MAGIC:           {"ramfs", true},
	unix.OVERLAYFS_SUPER_MAGIC: {"overlay", true},
	unix.MSDOS_SUPER_MAGIC:     {"vfat", true},
	unix.SQUASHFS_MAGIC:        {"squashfs", true},
	unix.ISOFS_SUPER_MAGIC:     {"iso9660", true},
	0x2fc12fc1:                 {"zfs", true},
	0xca451a4e:                 {"bcachefs", true},
	0x5346544e:                 {"ntfs", true},
	0x2011bab0:                 {"exfat", true},
	unix.NFS_SUPER_MAGIC:       {"nfs", false},
	unix.SMB_SUPER_MAGIC:       {"smb", false},
	unix.CIFS_SUPER_MAGIC:      {"cifs", false},
	unix.SMB2_SUPER_MAGIC:      {"smb2", false},
	unix.V9FS_MAGIC:            {"9p", false},
	unix.FUSE_SUPER_MAGIC:      {"fuse", false}, // virtiofs, too
	unix.CEPH_SUPER_MAGIC:      {"ceph", false},
	unix.AFS_SUPER_MAGIC:       {"afs", false},
	unix.CODA_SUPER_MAGIC:      {"coda", false},
	unix.OCFS2_SUPER_MAGIC:     {"ocfs2", false},
	0x01161970:                 {"gfs2", false},
	0x0bd00bd0:                 {"lustre", false},
	0x47504653:                 {"gpfs", false},
	0x786f4256:                 {"vboxsf", false},
	0xbacbacbc:                 {"vmhgfs", false},
	unix.PROC_SUPER_MAGIC:      {"proc", false},
	unix.SYSFS_MAGIC:           {"sysfs", false},
}

// Told reports on which file system an open file lies, and whether the kernel tells of all changes there. A file system that is not known
// is taken for one of this machine.
func Told(fd int) (name string, told bool) {
	var st unix.Statfs_t
	for {
		err := unix.Fstatfs(fd, &st)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return "unknown", true
		}
	}
	magic := uint32(st.Type) // Its type differs between architectures; the number has 32 bits.
	if fs, ok := fileSystems[magic]; ok {
		return fs.name, fs.told
	}
	return fmt.Sprintf("%#x", magic), true
}
