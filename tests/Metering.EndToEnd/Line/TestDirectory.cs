namespace Metering.EndToEnd.Line;

/// <summary>A directory that goes with the test.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("metering-line-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Keeps a copy of an SQLite database that nobody has open, its write-ahead log included.</summary>
    public void Save(string database, string copy)
    {
        foreach (var suffix in Suffixes)
        {
            if (System.IO.File.Exists(File(database + suffix))) System.IO.File.Copy(File(database + suffix), File(copy + suffix), overwrite: true);
        }
    }

    /// <summary>Puts a copy back in the place of what is there.</summary>
    public void Restore(string copy, string database)
    {
        foreach (var suffix in Suffixes)
        {
            System.IO.File.Delete(File(database + suffix));
            if (System.IO.File.Exists(File(copy + suffix))) System.IO.File.Copy(File(copy + suffix), File(database + suffix));
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static readonly string[] Suffixes = ["", "-wal", "-shm"];
}
