namespace Metering.Safety;

/// <summary>Files that only their owner may read.</summary>
public static class PrivateFile
{
    /// <summary>
    /// Makes an empty file of mode 0600 unless it is there; what is there keeps its mode. SQLite takes an empty file for a new database, and gives its -wal and -shm files the same mode.
    /// Throws what opening a file throws.
    /// </summary>
    public static void Create(string file)
    {
        if (File.Exists(file)) return;
        using var _ = new FileStream(file, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
    }
}
