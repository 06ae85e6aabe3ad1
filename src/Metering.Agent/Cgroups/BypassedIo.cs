using System.Text;

namespace Metering.Agent.Cgroups;

/// <summary>
/// Tells whether a process can do I/O that io.stat of its cgroup does not count: its mount namespace (<c>/proc/PID/mountinfo</c>, proc(5)) has a file system without a block device of
/// this host below it, or one whose kernel threads write for everybody. An overlay is looked at by its upper directory, in the mounts of the first process. What is in the table is
/// <c>partial</c>, also where it is mounted and not used: whether it is used is not to be seen.
/// </summary>
/// <remarks>
/// Cgroup writeback is known to ext2, ext4, btrfs, f2fs and xfs only (Documentation/admin-guide/cgroup-v2.rst, "Writeback"). File systems of the kernel itself (proc, tmpfs, cgroup2)
/// and FUSE mounts that show such ones (lxcfs, the desktop's portals) are not meant.
/// </remarks>
internal sealed class BypassedIo(string proc = "/proc")
{
    /// <summary>Mount namespaces that are read in a pass; the others keep what was known of them until a later one.</summary>
    private const int ReadsPerPass = 32;

    /// <summary>A namespace is read again after so many passes: five minutes at the default interval.</summary>
    private const int KeepPasses = 30;

    private const int MaxNamespaces = 20_000;

    // Names as the kernel has them in mountinfo; a name that ends with '.' stands for all that begin with it.
    private static readonly byte[][] Bypassing = [.. new[]
    {
        "zfs", "nfs", "nfs4", "ceph", "9p", "virtiofs", "fuse", "fuseblk", "fuse.", "cifs", "smb3", "smbfs", "lustre", "gfs", "gfs2", "ocfs2", "glusterfs", "beegfs", "gpfs", "afs", "coda",
        "orangefs", "pvfs2", "ncpfs", "vboxsf", "prl_fs", "vmhgfs",
    }.Select(Encoding.ASCII.GetBytes)];

    private static readonly byte[][] Harmless = [.. new[] { "fuse.lxcfs", "fuse.gvfsd-fuse", "fuse.portal", "fuse.snapfuse", "fuse.squashfuse" }.Select(Encoding.ASCII.GetBytes)];

    private readonly ProcessFiles _processes = new(proc);
    private readonly Dictionary<ulong, (string? Note, long Pass)> _namespaces = [];
    private readonly byte[] _buffer = new byte[256 * 1024];
    private byte[]? _host;
    private long _hostPass = long.MinValue / 2, _pass;
    private int _reads;

    /// <summary>Why I/O of the process's workload is not all counted, such as <c>partial: nfs4 at /data</c>; null when it is, or when its mounts can not be read.</summary>
    /// <param name="former">What was said before; stands while nothing newer is known.</param>
    public string? Note(int process, long pass, string? former)
    {
        if (pass != _pass) (_pass, _reads) = (pass, 0);
        var space = _processes.Namespace(process, "ns/mnt"u8);
        (string? Note, long Pass) known = default;
        if (space != 0 && _namespaces.TryGetValue(space, out known) && pass - known.Pass < KeepPasses) return known.Note;
        if (_reads >= ReadsPerPass) return former;
        _reads++;
        var length = _processes.Read(process, "mountinfo"u8, _buffer);
        if (length <= 0) return former;
        var note = Find(_buffer.AsSpan(0, length), pass);
        if (note == known.Note) note = known.Note;
        if (space == 0) return note;
        if (_namespaces.Count >= MaxNamespaces) _namespaces.Clear();
        _namespaces[space] = (note, pass);
        return note;
    }

    private string? Find(ReadOnlySpan<byte> mounts, long pass)
    {
        // The deepest overlay decides where files go that are written at its place; one bypassing mount is enough.
        while (!mounts.IsEmpty)
        {
            if (!TryMount(StatParser.NextLine(ref mounts), out var point, out var type, out var options)) continue;
            if (IsBypassing(type)) return $"partial: {Encoding.UTF8.GetString(type)} at {Text(point)}";
            if (!type.SequenceEqual("overlay"u8) || Upper(options) is not { IsEmpty: false } upper) continue;
            if (HostMount(upper, pass) is { } below) return $"partial: {below} below the overlay at {Text(point)}";
        }

        return null;
    }

    // The file system of the host that holds a path: the longest mount point that it begins with.
    private string? HostMount(ReadOnlySpan<byte> path, long pass)
    {
        if (_host is null || pass - _hostPass >= KeepPasses)
        {
            var buffer = new byte[_buffer.Length];
            var length = _processes.Read(1, "mountinfo"u8, buffer);
            (_host, _hostPass) = (length > 0 ? buffer[..length] : [], pass);
        }

        ReadOnlySpan<byte> rest = _host;
        string? found = null;
        var longest = -1;
        while (!rest.IsEmpty)
        {
            if (!TryMount(StatParser.NextLine(ref rest), out var point, out var type, out _)) continue;
            if (point.Length < longest || !path.StartsWith(point) || (point.Length > 1 && path.Length > point.Length && path[point.Length] != '/')) continue;
            longest = point.Length;
            found = IsBypassing(type) ? Encoding.UTF8.GetString(type) : null;
        }

        return found;
    }

    // 36 35 98:0 /root /point rw,noatime optional… - type source options
    private static bool TryMount(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> point, out ReadOnlySpan<byte> type, out ReadOnlySpan<byte> options)
    {
        point = type = options = default;
        var dash = line.IndexOf(" - "u8);
        if (dash < 0) return false;
        var left = line[..dash];
        var right = line[(dash + 3)..];
        for (var field = 0; field < 4; field++)
        {
            var space = left.IndexOf((byte)' ');
            if (space < 0) return false;
            left = left[(space + 1)..];
        }

        var end = left.IndexOf((byte)' ');
        point = end < 0 ? left : left[..end];
        var first = right.IndexOf((byte)' ');
        if (first < 0) return false;
        type = right[..first];
        options = right[(right.LastIndexOf((byte)' ') + 1)..];
        return point.Length > 0;
    }

    private static ReadOnlySpan<byte> Upper(ReadOnlySpan<byte> options)
    {
        while (!options.IsEmpty)
        {
            var comma = options.IndexOf((byte)',');
            var option = comma < 0 ? options : options[..comma];
            options = comma < 0 ? default : options[(comma + 1)..];
            if (option.StartsWith("upperdir="u8)) return option[9..];
        }

        return default;
    }

    private static bool IsBypassing(ReadOnlySpan<byte> type)
    {
        foreach (var name in Harmless)
        {
            if (type.SequenceEqual(name)) return false;
        }

        foreach (var name in Bypassing)
        {
            if (name[^1] == '.' ? type.StartsWith(name) : type.SequenceEqual(name)) return true;
        }

        return false;
    }

    // A label is bounded, and a mount point is a tenant's text.
    private static string Text(ReadOnlySpan<byte> point)
    {
        var text = CgroupName.Display(CgroupName.Decode(point));
        return text.Length <= 200 ? text : text[..200] + "…";
    }
}
