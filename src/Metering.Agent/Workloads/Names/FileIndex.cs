namespace Metering.Agent.Workloads.Names;

/// <summary>Something read as a whole from files or directories, and read again only when one of them has changed.</summary>
/// <param name="seconds">It is read again after so long as well: for directories in whose entries something is written later, which changes no directory above.</param>
internal sealed class FileIndex<T>(NameFiles files, IReadOnlyList<string> paths, Func<T> read, int seconds = int.MaxValue)
    where T : class
{
    private long[]? _stamps;
    private T? _value;
    private long _readAt;

    public T Value
    {
        get
        {
            var stamps = paths.Select(files.Stamp).ToArray();
            if (_value is not null && _stamps!.AsSpan().SequenceEqual(stamps) && Environment.TickCount64 - _readAt < seconds * 1000L) return _value;

            // The stamps are from before the reading: what changes meanwhile is read again.
            _readAt = Environment.TickCount64;
            (_value, _stamps) = (read(), stamps);
            return _value;
        }
    }
}
