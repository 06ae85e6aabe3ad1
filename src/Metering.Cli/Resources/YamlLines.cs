namespace Metering.Cli.Resources;

/// <summary>On which line of a file each value is.</summary>
internal sealed class YamlLines
{
    private readonly Dictionary<string, long> _lines = new(StringComparer.Ordinal);

    public void Add(string path, long line) => _lines[path] = line;

    /// <summary>The line of the value, or of the nearest one around it that is there; 0: none is.</summary>
    public long Of(string path)
    {
        while (path.Length > 0)
        {
            if (_lines.TryGetValue(path, out var line)) return line;
            path = path[..Math.Max(path.LastIndexOfAny(['.', '[']), 0)];
        }

        return 0;
    }

    /// <summary>A fault that begins with its path, as <c>file:line: fault</c>.</summary>
    public string Place(string file, string fault) => Place(file, fault.Split(' ', 2)[0].Trim('\''), fault);

    public string Place(string file, string path, string fault) => Of(path) is var line and > 0 ? $"{file}:{line}: {fault}" : $"{file}: {fault}";
}
