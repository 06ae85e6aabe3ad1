using System.Text.Json;
using Metering.Cli.Client;
using Metering.Configuration;
using Metering.Safety;

namespace Metering.Cli.Demo;

/// <summary>
/// The data directory of a demo, told by a file in it: a demo never starts on real data, and nothing else starts on a demo's.
/// </summary>
internal sealed record DemoDirectory(string Path, DateTimeOffset From)
{
    public const string Default = "./metering-demo";

    /// <summary>What would take the demo's figures somewhere else.</summary>
    private static readonly string[] Elsewhere = ["Ledger:ConnectionString", "Broker:Url", "TimeSeries:Url"];

    private sealed record Mark(string Demo, DateTimeOffset From);

    /// <summary>Takes the directory for a demo, a new one or one from before. Throws when it holds anything else.</summary>
    public static DemoDirectory Open(string path, Settings settings, DateTimeOffset now)
    {
        if (Elsewhere.FirstOrDefault(key => settings.Text(key) is not null) is { } key) throw UserErrorException.Usage($"A demo keeps to its own directory, and {key} is set; unset it, or leave out --demo.");
        if (ReadMark(path) is { } mark) return new DemoDirectory(path, mark.From);
        if (Directory.Exists(path) && Directory.EnumerateFiles(path, "*.db").Any())
            throw UserErrorException.Usage($"'{path}' holds a ledger or a journal that is no demo's; give --demo a --data directory of its own, or leave out --data for {Default}.");
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var made = new Mark("The figures in this directory are a demo's: simulated hosts beside the real one. Remove the directory to end it.", DemoFleet.FirstInstant(now));
        File.WriteAllText(FileOf(path), JsonSerializer.Serialize(made, CliJson.Indented) + "\n");
        return new DemoDirectory(path, made.From);
    }

    /// <summary>Throws when the directory is a demo's: what is real must not be mixed with it.</summary>
    public static void Refuse(string path)
    {
        if (File.Exists(FileOf(path))) throw UserErrorException.Usage($"'{path}' is the data directory of a demo; start it by 'metering up --demo --data {path}', or give another --data.");
    }

    private static string FileOf(string path) => System.IO.Path.Combine(path, "demo.json");

    private static Mark? ReadMark(string path)
    {
        try
        {
            return File.Exists(FileOf(path)) ? JsonSerializer.Deserialize<Mark>(File.ReadAllText(FileOf(path)), CliJson.Compact) : null;
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"'{FileOf(path)}' can not be read ({e.Message.TrimEnd('.')}); remove the directory and start the demo anew.", inner: e);
        }
    }
}
