using System.Text.RegularExpressions;
using Metering.Tests.Support;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Metering.Tests.Dashboards;

/// <summary>What Grafana is provisioned with, held against the dashboards and against <c>docker-compose.yml</c>. Grafana itself is not to be had here: the shape is that of its documentation on provisioning.</summary>
public sealed partial class DataSourceTests
{
    private const string ByEnvironment = "dashboards/provisioning/datasources/metering.yaml", ByCompose = "deploy/grafana/datasources.yaml";
    private static readonly HashSet<string> Fields = new(["name", "uid", "type", "access", "url", "jsonData", "secureJsonData"], StringComparer.Ordinal);

    [Theory]
    [InlineData(ByEnvironment)]
    [InlineData(ByCompose)]
    public void Each_has_what_grafana_asks_for_and_every_panel_finds_its_own(string file)
    {
        var document = Read(file);
        Assert.Equal(["apiVersion", "datasources"], Names(document));
        Assert.Equal("1", document["apiVersion"].ToString());
        var sources = Sources(file);
        Assert.All(sources.Values, source =>
        {
            Assert.Superset(new HashSet<string>(["name", "uid", "type", "access", "url"], StringComparer.Ordinal), Names(source).ToHashSet(StringComparer.Ordinal));
            Assert.Subset(Fields, Names(source).ToHashSet(StringComparer.Ordinal));
            Assert.Equal("proxy", source["access"].ToString());
        });

        var used = Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "dashboards"), "*.json").SelectMany(board => Used().Matches(File.ReadAllText(board))).Select(match => (Type: match.Groups[1].Value, Uid: match.Groups[2].Value)).Distinct().ToArray();
        Assert.Equal(sources.Keys.Order(StringComparer.Ordinal), used.Select(one => one.Uid).Order(StringComparer.Ordinal));
        Assert.All(used, one => Assert.Equal(one.Type, sources[one.Uid]["type"].ToString()));

        // Secrets come from the environment or from files, and a header's name has its value.
        Assert.All(sources.Values.Where(source => source.Children.ContainsKey("secureJsonData")).SelectMany(source => ((YamlMappingNode)source["secureJsonData"]).Children), secret => Assert.Contains('$', secret.Value.ToString()));
        Assert.Equal("Authorization", sources["metering-influxdb"]["jsonData"]["httpHeaderName1"].ToString());
        Assert.StartsWith("Token ", sources["metering-influxdb"]["secureJsonData"]["httpHeaderValue1"].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Both_files_say_the_same_but_for_addresses_and_secrets()
    {
        var (one, other) = (Sources(ByEnvironment), Sources(ByCompose));

        Assert.Equal(one.Keys.Order(StringComparer.Ordinal), other.Keys.Order(StringComparer.Ordinal));
        foreach (var (uid, source) in one)
        {
            foreach (var field in Fields.Except(["url", "secureJsonData"]).Where(field => source.Children.ContainsKey(field))) Assert.Equal(Text(source[field]), Text(other[uid][field]));
        }

        // What is asked of the environment is told at the top of the file and in the README.
        var text = File.ReadAllText(Path.Combine(RepositoryFiles.Root, ByEnvironment));
        var readme = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "README.md"));
        Assert.All(Variable().Matches(text[text.IndexOf("apiVersion", StringComparison.Ordinal)..]).Select(match => match.Groups[1].Value), name => Assert.True(text[..text.IndexOf("apiVersion", StringComparison.Ordinal)].Contains(name, StringComparison.Ordinal) && readme.Contains($"`{name}`", StringComparison.Ordinal), name));

        string Text(YamlNode node) => Regex.Replace(node.ToString(), "\\$METERING_URL|http://service:5080", "URL");
    }

    [Fact]
    public void In_compose_each_address_is_a_service_with_its_port_and_each_secret_is_mounted()
    {
        var services = Read("docker-compose.yml")["services"];
        var sources = Sources(ByCompose);

        // Of each server the port that something else in the file names, too.
        Assert.Equal("http://prometheus:9090", sources["metering-prometheus"]["url"].ToString());
        Assert.Contains("127.0.0.1:9090:9090", services["prometheus"]["ports"].ToString(), StringComparison.Ordinal);
        Assert.Equal(services["service"]["environment"]["METERING__TimeSeries__Url"].ToString(), sources["metering-influxdb"]["url"].ToString());
        Assert.Equal("http://service:5080", sources["metering-api"]["url"].ToString());
        Assert.Contains("127.0.0.1:5080:5080", services["service"]["ports"].ToString(), StringComparison.Ordinal);
        Assert.Contains("\"http://0.0.0.0:5080\"", File.ReadAllText(Path.Combine(RepositoryFiles.Root, "deploy/Dockerfile")), StringComparison.Ordinal);
        Assert.Equal(services["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_BUCKET"].ToString(), sources["metering-influxdb"]["jsonData"]["dbName"].ToString());
        Assert.Equal(services["grafana"]["environment"]["GF_INSTALL_PLUGINS"].ToString(), sources["metering-api"]["type"].ToString());

        var secrets = ((YamlSequenceNode)services["grafana"]["secrets"]).Select(secret => secret.ToString()).ToHashSet(StringComparer.Ordinal);
        var read = SecretFile().Matches(File.ReadAllText(Path.Combine(RepositoryFiles.Root, ByCompose))).Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(2, read.Length);
        Assert.Subset(secrets, read.ToHashSet(StringComparer.Ordinal));
    }

    [Fact]
    public void The_provider_reads_the_boards_from_where_compose_mounts_them()
    {
        var provider = Assert.Single((YamlSequenceNode)Read("dashboards/provisioning/dashboards/metering.yaml")["providers"]);
        var mounts = ((YamlSequenceNode)Read("docker-compose.yml")["services"]["grafana"]["volumes"]).Select(mount => mount.ToString()).ToArray();

        Assert.Equal("file", provider["type"].ToString());
        Assert.Contains($"./dashboards:{provider["options"]["path"]}:ro", mounts);
        Assert.Contains("./dashboards/provisioning/dashboards:/etc/grafana/provisioning/dashboards:ro", mounts);
        Assert.Contains($"./{ByCompose}:/etc/grafana/provisioning/datasources/metering.yaml:ro", mounts);
    }

    private static Dictionary<string, YamlMappingNode> Sources(string file) => ((YamlSequenceNode)Read(file)["datasources"]).Cast<YamlMappingNode>().ToDictionary(source => source["uid"].ToString(), StringComparer.Ordinal);

    private static string[] Names(YamlMappingNode node) => [.. node.Children.Keys.Select(key => key.ToString())];

    private static YamlMappingNode Read(string file)
    {
        var yaml = new YamlStream();
        using var reader = new StreamReader(Path.Combine(RepositoryFiles.Root, file));
        yaml.Load(reader);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    [GeneratedRegex("\"type\": \"([a-z-]+)\",\\s*\"uid\": \"(metering-(?:prometheus|influxdb|api))\"")]
    private static partial Regex Used();

    [GeneratedRegex("\\$([A-Z_]+)")]
    private static partial Regex Variable();

    [GeneratedRegex("\\$__file\\{/run/secrets/([a-z_]+)\\}")]
    private static partial Regex SecretFile();
}
