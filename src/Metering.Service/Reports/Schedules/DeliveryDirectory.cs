namespace Metering.Service.Reports.Schedules;

/// <summary>
/// Writes reports below one directory. A file is there whole or not at all: it is written beside its place, flushed to disk and renamed. A name that leads elsewhere is refused, be it by '..' or by a
/// link that lies on the way.
/// </summary>
internal sealed class DeliveryDirectory(string root)
{
    /// <summary>Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> with the cause. Writing the same again leaves the same file.</summary>
    /// <param name="directory">As <see cref="ScheduleRules"/> has checked it.</param>
    public async Task WriteAsync(string directory, string name, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        var at = Path.GetFullPath(root);
        Directory.CreateDirectory(at);
        foreach (var part in directory.Split('/'))
        {
            if (!ScheduleRules.IsName(part)) throw new IOException($"'{directory}' is no path of plain names.");
            at = Path.Combine(at, part);
            if (new DirectoryInfo(at) is { LinkTarget: not null }) throw new IOException($"'{at}' is a link; reports are not written through links. Replace it by a directory.");
            Directory.CreateDirectory(at);
        }

        if (!ScheduleRules.IsName(name)) throw new IOException($"'{name}' is no plain name.");
        var (final, part2) = (Path.Combine(at, name), Path.Combine(at, $".{name}.{Path.GetRandomFileName()}.tmp"));
        try
        {
            await using (var file = new FileStream(part2, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous }))
            {
                await file.WriteAsync(content, cancel);
                file.Flush(flushToDisk: true);
            }

            File.Move(part2, final, overwrite: true);
        }
        finally
        {
            File.Delete(part2);
        }
    }
}
