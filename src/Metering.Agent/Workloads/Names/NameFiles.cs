using System.Text;
using System.Text.Json;
using Metering.Agent.Cgroups;

namespace Metering.Agent.Workloads.Names;

/// <summary>
/// Reads files below a root, each with a bound. Some of them are in the homes of tenants, so nothing there is trusted: a link as the last component is not followed,
/// a pipe does not block, a device or an endless file gives no more than the bound, and whatever fails is not known.
/// </summary>
/// <param name="root">What stands before every path; empty for the machine itself.</param>
internal sealed class NameFiles(string root = "")
{
    public const int MaxFileBytes = 1 << 20, MaxIndexBytes = 16 << 20, MaxEntries = 50_000;
    private const int O_NOFOLLOW = 0x20000, O_NOFOLLOW_ARM64 = 0x8000;

    private readonly string _root = root.TrimEnd('/');

    /// <summary>A file's bytes; null when there is none, it can not be read or is longer than <paramref name="max"/>.</summary>
    public byte[]? Bytes(string path, int max = MaxFileBytes)
    {
        var noFollow = System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? O_NOFOLLOW_ARM64 : O_NOFOLLOW;
        var fd = Posix.OpenAt(Posix.AT_FDCWD, CgroupName.EncodeTerminated(_root + path), Posix.O_RDONLY | Posix.O_NONBLOCK | noFollow);
        if (fd < 0) return null;
        try
        {
            var bytes = new byte[Math.Min(max, 16 * 1024) + 1];
            var length = 0;
            while (true)
            {
                // read, not pread at 0: files of /proc are read in pieces; a pipe that nobody writes gives 0 or EAGAIN.
                var got = Posix.Read(fd, bytes.AsSpan(length));
                if (got < 0) return null;
                if (got == 0) return bytes[..length];
                length += got;
                if (length > max) return null;
                if (length == bytes.Length) Array.Resize(ref bytes, Math.Min(bytes.Length * 2, max + 1));
            }
        }
        finally
        {
            Posix.Close(fd);
        }
    }

    public string? Text(string path, int max = MaxFileBytes) => Bytes(path, max) is { } bytes ? Encoding.UTF8.GetString(bytes) : null;

    /// <summary>What a symbolic link says, unfollowed; null when there is none.</summary>
    public string? Link(string path)
    {
        try
        {
            return new FileInfo(_root + path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The lines of a text, without those that are empty.</summary>
    public IEnumerable<string> Lines(string path, int max = MaxFileBytes) => Text(path, max)?.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>A file of JSON; null when it is none.</summary>
    public JsonElement? Json(string path, int max = MaxFileBytes)
    {
        if (Bytes(path, max) is not { } bytes) return null;
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Names in a directory, at most <see cref="MaxEntries"/>.</summary>
    public List<string> Names(string path)
    {
        var names = new List<string>();
        try
        {
            foreach (var entry in Directory.EnumerateFileSystemEntries(_root + path))
            {
                if (names.Count >= MaxEntries) break;
                names.Add(Path.GetFileName(entry));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A directory that is gone half way tells what it told.
        }

        return names;
    }

    /// <summary>Where a file really is, for a library that opens it itself; null when it is none, or a link.</summary>
    public string? RegularFile(string path)
    {
        var info = new FileInfo(_root + path);
        return info.Exists && info.LinkTarget is null && (info.Attributes & (FileAttributes.Directory | FileAttributes.Device)) == 0 && info.Length <= MaxIndexBytes ? info.FullName : null;
    }

    public bool Exists(string path) => Path.Exists(_root + path);

    /// <summary>Changes when a file or directory does; 0 when there is none.</summary>
    public long Stamp(string path)
    {
        var info = new FileInfo(_root + path);
        try
        {
            if (info.Exists) return HashCode.Combine(info.LastWriteTimeUtc.Ticks, info.Length) | 1L;
            var directory = new DirectoryInfo(_root + path);
            return directory.Exists ? directory.LastWriteTimeUtc.Ticks | 1L : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
