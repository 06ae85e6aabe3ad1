using System.Globalization;
using System.Text.Json;
using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class HostileNameTests
{
    private const int Paths = 4_000;

    private static readonly WorkloadRecogniser Recogniser = new();

    [Theory]
    [InlineData(1)]
    [InlineData(20_261_122)]
    public void Any_name_is_recognised_and_can_be_printed(int seed)
    {
        var names = new HostileNames(seed);
        for (var count = 0; count < Paths; count++)
        {
            var path = names.Next();

            var workload = Recogniser.Recognise(path);

            Assert.All(TextsOf(workload), text => Assert.True(IsPrintable(text), $"seed {seed}, path {count}: {JsonSerializer.Serialize(text)}"));
            if (IsPrintable(path)) Assert.Equal(string.Join('/', path.Split('/', StringSplitOptions.RemoveEmptyEntries)), workload.Path[1..]);
            Assert.True(workload.Kind.Length > 0 && workload.Id.Length > 0 && workload.Name.Length > 0, $"seed {seed}, path {count}: something is empty");
        }
    }

    [Fact]
    public void Two_recognisers_agree_on_any_name()
    {
        var other = new WorkloadRecogniser();
        var names = new HostileNames(7);
        for (var count = 0; count < Paths; count++)
        {
            var path = names.Next();
            Assert.Equal(PathTable.Write(Recogniser.Recognise(path)), PathTable.Write(other.Recognise(path)));
        }
    }

    [Fact]
    public void Line_of_any_name_is_one_line_of_JSON()
    {
        var names = new HostileNames(11);
        for (var count = 0; count < Paths; count++)
        {
            var path = names.Next();

            var line = IdentifyFormat.Line(path, Recogniser.Recognise(path));

            Assert.DoesNotContain('\n', line);
            using var json = JsonDocument.Parse(line);
            if (!path.Any(char.IsSurrogate)) Assert.Equal(path, json.RootElement.GetProperty("path").GetString());
        }
    }

    [Fact]
    public void Longest_path_the_kernel_allows_takes_milliseconds()
    {
        // PATH_MAX, built to give every rule as many beginnings as possible; an expression that backtracked would not end today.
        var path = string.Concat(Enumerable.Repeat("/kubepods/docker/libpod_parent/lxc/a_a_a", 4096 / 40));
        Recogniser.Recognise(path);

        var started = TimeProvider.System.GetTimestamp();
        var workload = Recogniser.Recognise(path);

        Assert.Equal(WorkloadKinds.Lxc, workload.Kind);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(2));
    }

    private static IEnumerable<string> TextsOf(Workload workload) =>
        new[] { workload.Kind, workload.Id, workload.Name, workload.Path, workload.Pod, workload.Container, workload.User }
            .OfType<string>()
            .Concat(workload.Labels.Values);

    private static bool IsPrintable(string text)
    {
        for (var at = 0; at < text.Length; at += char.IsSurrogatePair(text, at) ? 2 : 1)
        {
            if (CharUnicodeInfo.GetUnicodeCategory(text, at) is UnicodeCategory.Control or UnicodeCategory.Surrogate or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator) return false;
        }

        return true;
    }
}
