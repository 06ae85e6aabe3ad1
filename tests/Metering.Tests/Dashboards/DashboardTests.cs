using System.Text.Json;
using System.Text.RegularExpressions;
using Metering.Meters;
using Metering.Tests.Exposition;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Dashboards;

/// <summary>What a look at the files can tell; whether they show anything is seen end to end, on real servers.</summary>
public sealed partial class DashboardTests
{
    private static readonly string Folder = Path.Combine(RepositoryFiles.Root, "dashboards");

    // Of metering_host, see SeriesPoints.
    private static readonly string[] HostFields = ["batch_bytes", "conservation_failures", "covered_us", "cpus", "delay_us", "expected_us", "memory_bytes", "records"];

    public static TheoryData<string> Files => [.. Directory.GetFiles(Folder, "*.json").Select(file => Path.GetFileName(file)!)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Panels_have_a_unit_thresholds_a_description_and_a_place(string file)
    {
        var (board, cells) = (Read(file), new HashSet<(int, int)>());
        var panels = board.GetProperty("panels").EnumerateArray().ToList();

        Assert.Equal(panels.Count, panels.Select(panel => panel.GetProperty("id").GetInt32()).Distinct().Count());
        foreach (var panel in panels)
        {
            var defaults = panel.GetProperty("fieldConfig").GetProperty("defaults");
            Assert.NotEmpty(defaults.GetProperty("unit").GetString()!);
            Assert.NotEmpty(defaults.GetProperty("thresholds").GetProperty("steps").EnumerateArray());
            Assert.NotEmpty(panel.GetProperty("title").GetString()!);
            Assert.NotEmpty(panel.GetProperty("description").GetString()!);
            var (x, y, w, h) = (Grid("x"), Grid("y"), Grid("w"), Grid("h"));
            Assert.InRange(x + w, 1, 24);
            for (var i = 0; i < w * h; i++) Assert.True(cells.Add((x + i % w, y + i / w)), $"{panel.GetProperty("title")} lies on another panel");

            int Grid(string name) => panel.GetProperty("gridPos").GetProperty(name).GetInt32();
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Data_sources_are_provisioned_and_variables_are_used(string file)
    {
        var (board, text) = (Read(file), File.ReadAllText(Path.Combine(Folder, file)));
        var provisioned = Regex.Matches(File.ReadAllText(Path.Combine(Folder, "provisioning", "datasources", "metering.yaml")), "uid: ([a-z-]+)").Select(match => match.Groups[1].Value).ToHashSet();

        foreach (Match uid in DatasourceUid().Matches(text)) Assert.Contains(uid.Groups[1].Value, provisioned);
        foreach (var variable in board.GetProperty("templating").GetProperty("list").EnumerateArray())
        {
            var name = variable.GetProperty("name").GetString();
            Assert.True(Regex.Count(text, $@"\$\{{?{name}\b") > 0, $"{name} is used nowhere");
        }

        Assert.Contains("${metering_url}/", text);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Queries_name_only_what_is_written(string file)
    {
        var code = WrittenMetrics.Code();
        var columns = MeterCatalogue.All.Select(meter => meter.Column).Concat(HostFields).ToHashSet();
        foreach (var target in Read(file).GetProperty("panels").EnumerateArray().SelectMany(panel => panel.GetProperty("targets").EnumerateArray()))
        {
            if (target.TryGetProperty("expr", out var expression))
            {
                foreach (Match name in MetricName().Matches(expression.GetString()!)) Assert.True(WrittenMetrics.Has(code, name.Value), name.Value);
            }
            else if (target.TryGetProperty("query", out var query))
            {
                Assert.Matches("FROM \\(?(SELECT .* FROM )?\"metering_(usage|host)\"", query.GetString());
                foreach (Match field in FieldName().Matches(query.GetString()!)) Assert.True(field.Groups[1].Value.Length == 1 || columns.Contains(field.Groups[1].Value), field.Groups[1].Value);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Links_lead_to_pages_routes_and_boards_that_are_there_with_parameters_that_they_take(string file)
    {
        var links = LinkUrl().Matches(File.ReadAllText(Path.Combine(Folder, file))).Select(match => match.Groups[1].Value).ToList();

        Assert.Contains(links, url => url.StartsWith("${metering_url}/", StringComparison.Ordinal) && url.Length > "${metering_url}/".Length);
        Assert.All(links, url => Assert.True(url.StartsWith("/d/", StringComparison.Ordinal) ? IsBoard(url) : IsPlace(url), url));
        Assert.False(IsPlace("${metering_url}/nowhere") || IsPlace("${metering_url}/hosts?hosts=${__value.raw}") || IsBoard("/d/metering-fleet?var-nothing=1"));
    }

    // A page of the web UI by its @page and its query parameters, or a route of the API by the OpenAPI document.
    private static bool IsPlace(string url)
    {
        var (path, names) = Parts(url.Replace("${metering_url}", "", StringComparison.Ordinal));
        foreach (var page in Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "src/Metering.Service/Ui"), "*Page.razor").Select(File.ReadAllText))
        {
            if (!PageRoute().Matches(page).Any(route => Matches(route.Groups[1].Value, path))) continue;
            return names.All(name => Regex.IsMatch(page, $"SupplyParameterFromQuery(\\(Name = \"{name}\"\\))?\\] private string(\\[\\])?\\? ({name}|{char.ToUpperInvariant(name[0])}{name[1..]}|\\w+Name) "));
        }

        var document = JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(RepositoryFiles.Root, "tests/Metering.Tests/Access/openapi.v1.approved.json"))).GetProperty("paths");
        return document.EnumerateObject().Any(route => Matches(route.Name, path) && names.All(name => route.Value.GetProperty("get").GetProperty("parameters").EnumerateArray().Any(parameter => parameter.GetProperty("name").GetString() == name)));
    }

    private static bool IsBoard(string url)
    {
        var (path, names) = Parts(url.Replace("&${__url_time_range}", "", StringComparison.Ordinal));
        var board = Directory.GetFiles(Folder, "*.json").Select(file => Read(Path.GetFileName(file))).SingleOrDefault(board => "/d/" + board.GetProperty("uid").GetString() == path);
        return board.ValueKind == JsonValueKind.Object && names.All(name => board.GetProperty("templating").GetProperty("list").EnumerateArray().Any(variable => "var-" + variable.GetProperty("name").GetString() == name));
    }

    private static (string Path, string[] Names) Parts(string url) => url.Split('?') is var parts && parts.Length == 1 ? (url, []) : (parts[0], [.. parts[1].Split('&').Select(pair => pair.Split('=')[0])]);

    // {Parameter} is a part of a path.
    private static bool Matches(string route, string path) => Regex.IsMatch(path, "^" + Regex.Replace(route, "\\{[^}]*\\}", "[^/]+") + "$");

    [Fact]
    public void Names_are_unique()
    {
        var boards = Directory.GetFiles(Folder, "*.json").Select(file => Read(Path.GetFileName(file))).ToList();

        Assert.Equal(boards.Count, boards.Select(board => board.GetProperty("uid").GetString()).Distinct().Count());
        Assert.Equal(boards.Count, boards.Select(board => board.GetProperty("title").GetString()).Distinct().Count());
    }

    private static JsonElement Read(string file) => JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(Folder, file)));

    [GeneratedRegex("\"uid\": \"(metering-(?:prometheus|influxdb|api))\"")]
    private static partial Regex DatasourceUid();

    [GeneratedRegex("\"url\": \"((?:\\$\\{metering_url\\}|/d/)[^\"]*)\"")]
    private static partial Regex LinkUrl();

    [GeneratedRegex("@page \"([^\"]*)\"")]
    private static partial Regex PageRoute();

    [GeneratedRegex("metering_[a-z_]+")]
    private static partial Regex MetricName();

    [GeneratedRegex("(?:sum|max|last|count)\\(\"([a-z_]+)\"\\)")]
    private static partial Regex FieldName();
}
