using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class RecentlyRecognisedTests
{
    [Fact]
    public void A_path_that_comes_again_is_not_recognised_anew_and_no_path_gets_the_answer_of_another()
    {
        var asked = 0;
        var recent = new RecentlyRecognised(path =>
        {
            asked++;
            return new Workload { Kind = "raw", Id = path, Name = path, Path = path };
        });

        var first = recent.Recognise("/a");
        var again = recent.Recognise("/a");

        Assert.Same(first, again);
        Assert.Equal(1, asked);

        // Far more paths than are remembered.
        for (var i = 0; i < 10_000; i++) Assert.Equal($"/job-{i}", recent.Recognise($"/job-{i}").Id);
    }
}
