using System.Text.Json;

namespace Metering.Agent.Enforcement;

/// <summary>The journal of limits: <c>enforcement.json</c> in the data directory, replaced as a whole and flushed before a limit is set.</summary>
internal sealed class HeldLimits(string directory)
{
    private readonly string _file = Path.Combine(directory, "enforcement.json");

    /// <summary>What an earlier process had set; empty when there is no such file. One that can not be read is kept aside and named in <paramref name="trouble"/>.</summary>
    public List<HeldLimit> Load(out string? trouble)
    {
        trouble = null;
        if (!File.Exists(_file)) return [];
        try
        {
            return [.. JsonSerializer.Deserialize(File.ReadAllBytes(_file), HeldLimitJson.Default.HeldLimitArray) ?? []];
        }
        catch (JsonException e)
        {
            File.Move(_file, _file + ".damaged", overwrite: true);
            trouble = $"{_file} can not be read ({e.Message.TrimEnd('.')}) and was kept as {Path.GetFileName(_file)}.damaged; limits that it names have to be undone by hand.";
            return [];
        }
    }

    /// <summary>Durable when this returns. Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when it can not be stored.</summary>
    public void Save(IReadOnlyCollection<HeldLimit> limits)
    {
        var next = _file + ".next";
        using (var stream = new FileStream(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        {
            JsonSerializer.Serialize(stream, [.. limits], HeldLimitJson.Default.HeldLimitArray);
            stream.Flush(flushToDisk: true);
        }

        File.Move(next, _file, overwrite: true);
        Cgroups.Posix.SyncDirectory(directory);
    }
}
