using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Tests.Support;
using YamlDotNet.RepresentationModel;

namespace Metering.EndToEnd.Deployment;

/// <summary>The repository's <c>docker-compose.yml</c> as Debian's <c>docker-compose config</c> understands it, with secrets that <c>deploy/compose/prepare</c> made in a directory of the test.</summary>
internal sealed class ComposeFile : IDisposable
{
    public const string Program = "/usr/bin/docker-compose";
    public const string Host = "compose-host";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public TestDirectory Directory { get; } = new();

    public string Secrets => Directory.File("secrets");

    public string Config => Directory.File("config.yml");

    public string Secret(string name) => File.ReadAllText(Path.Combine(Secrets, name));

    /// <summary>The file with what prepare made.</summary>
    public static async Task<ComposeFile> PrepareAsync(CancellationToken cancel)
    {
        ServerPackages.Require(Program, "docker-compose");
        var file = new ComposeFile();
        await file.MakeSecretsAsync(cancel);
        var config = await ChildProcess.RunAsync(Program, Arguments(file.Directory.File("env"), "config"), Limit, cancel);
        await File.WriteAllTextAsync(file.Config, config, cancel);
        return file;
    }

    public async Task MakeSecretsAsync(CancellationToken cancel)
    {
        await using var prepare = ChildProcess.Start(
            Path.Combine(RepositoryFiles.Root, "deploy/compose/prepare"), [],
            new Dictionary<string, string?> { ["METERING_SECRETS"] = Secrets, ["METERING_ENV_FILE"] = Directory.File("env"), ["METERING_HOST_ID"] = Host, ["DOTNET_SDK_IMAGE"] = "sdk", ["DOTNET_RUNTIME_IMAGE"] = "runtime" });
        if (await prepare.WaitForExitAsync(Limit, cancel) != 0) throw new InvalidOperationException(prepare.Output);
    }

    public static string[] Arguments(string env, params string[] more) => ["--project-directory", RepositoryFiles.Root, "-f", Path.Combine(RepositoryFiles.Root, "docker-compose.yml"), "--env-file", env, .. more];

    /// <summary>Service by service.</summary>
    public Dictionary<string, YamlMappingNode> Services()
    {
        var yaml = new YamlStream();
        using var reader = new StreamReader(Config);
        yaml.Load(reader);
        return ((YamlMappingNode)yaml.Documents[0].RootNode["services"]).Children.ToDictionary(pair => pair.Key.ToString(), pair => (YamlMappingNode)pair.Value, StringComparer.Ordinal);
    }

    public void Dispose() => Directory.Dispose();
}
