namespace Metering.Cli.Exports;

/// <summary>
/// A file that has its name only when it is whole: written beside it under another name, brought to the disk, then renamed. Killed or out of space midway, what had the name before still has it; what a killed process
/// left under its other name is removed by the next one that writes this file. A name that only the kernel knows (<c>O_TMPFILE</c>) would leave nothing, but network and overlay file systems have none, and it can not replace a file.
/// </summary>
internal sealed class PendingFile : IAsyncDisposable
{
    private readonly string _temporary;
    private bool _isPublished;

    public PendingFile(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        var directory = System.IO.Path.GetDirectoryName(Path)!;
        _temporary = System.IO.Path.Combine(directory, $".{System.IO.Path.GetFileName(Path)}.{Environment.ProcessId}.tmp");
        RemoveLeftOvers(directory);
        Stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
    }

    public string Path { get; }

    public FileStream Stream { get; }

    /// <summary>Brings what was written to the disk.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        await Stream.FlushAsync(cancel);
        Stream.Flush(flushToDisk: true);
    }

    /// <summary>Gives the file its name; it must be complete.</summary>
    public void Publish()
    {
        File.Move(_temporary, Path, overwrite: true);
        _isPublished = true;
    }

    // Whoever still writes one holds its lock (flock, by FileShare.None); it stays open until it has its name.
    private void RemoveLeftOvers(string directory)
    {
        var name = System.IO.Path.GetFileName(Path);
        foreach (var left in Directory.EnumerateFiles(directory, $".{name}.*.tmp").Where(left => System.IO.Path.GetFileName(left).AsSpan(name.Length + 2)[..^4].IndexOfAnyExceptInRange('0', '9') < 0))
        {
            try
            {
                using var free = new FileStream(left, FileMode.Open, FileAccess.Write, FileShare.None);
                File.Delete(left);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It is being written, or somebody else's.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await Stream.DisposeAsync();
        }
        catch (IOException)
        {
            // What could not be written is thrown away.
        }

        if (!_isPublished) File.Delete(_temporary);
    }
}
