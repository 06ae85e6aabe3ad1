namespace Metering.Agent.Workloads.Names;

/// <summary>Something read as a whole from files or directories, and read again only when one of them has changed.</summary>
internal sealed class FileIndex<T>(NameFiles files, IReadOnlyList<string> paths, Func<T> read)
    where T : class
{
    private long[]? _stamps;
    private T? _value;

    public T Value
    {
        get
        {
            var stamps = paths.Select(files.Stamp).ToArray();
            if (_value is not null && _stamps!.AsSpan().SequenceEqual(stamps)) return _value;

            // The stamps are from before the reading: what changes meanwhile is read again.
            (_value, _stamps) = (read(), stamps);
            return _value;
        }
    }
}
