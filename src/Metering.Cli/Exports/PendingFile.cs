namespace Metering.Cli.Exports;

/// <summary>
/// A file that has its name only when it is whole: written beside it under another name, brought to the disk, then renamed. Killed or out of space midway, what had the name before still has it.
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
        Stream = new FileStream(_temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
    }

    public string Path { get; }

    public FileStream Stream { get; }

    /// <summary>Brings what was written to the disk.</summary>
    public async Task CompleteAsync(CancellationToken cancel)
    {
        await Stream.FlushAsync(cancel);
        Stream.Flush(flushToDisk: true);
        await Stream.DisposeAsync();
    }

    /// <summary>Gives the file its name; it must be complete.</summary>
    public void Publish()
    {
        File.Move(_temporary, Path, overwrite: true);
        _isPublished = true;
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
