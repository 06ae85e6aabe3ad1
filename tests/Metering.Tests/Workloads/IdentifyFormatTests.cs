using Metering.Agent.Workloads;
using Xunit;

namespace Metering.Tests.Workloads;

public sealed class IdentifyFormatTests
{
    private const string Container = "4a1e0b6f0d1c2b3a49586776859403122130eeddccbbaa998877665544332211";

    private const string Pod = "2fc932ce-fdcc-454b-97bd-aadfdeb4c340";

    private static readonly WorkloadRecogniser Recogniser = new();

    [Theory]
    [InlineData(
        "/system.slice/nginx.service",
        """{"path":"/system.slice/nginx.service","kind":"systemd-service","id":"/system.slice/nginx.service","name":"nginx.service"}""")]
    [InlineData(
        "machine.slice/libpod-conmon-X.scope",
        """{"path":"machine.slice/libpod-conmon-X.scope","kind":"podman","id":"X/conmon","name":"4a1e0b6f0d1c","container":"X","overhead":true}""")]
    [InlineData(
        "0::/kubepods/podU/X",
        """{"path":"0::/kubepods/podU/X","kind":"kubernetes","id":"U/X","name":"4a1e0b6f0d1c","pod":"U","container":"X","labels":{"qos":"guaranteed"}}""")]
    [InlineData(
        "0::/user-7.slice/session-3.scope",
        """{"path":"0::/user-7.slice/session-3.scope","kind":"user-session","id":"/user-7.slice/session-3.scope","name":"session-3.scope","user":"7"}""")]
    [InlineData(
        "/sys/fs/cgroup/unified/a\"b\\c\nd",
        """{"path":"/sys/fs/cgroup/unified/a\"b\\c\nd","kind":"raw","id":"/a\"b\\c\\x0ad","name":"/a\"b\\c\\x0ad"}""")]
    public void Line_holds_what_the_path_tells_and_no_more(string argument, string line)
    {
        (argument, line) = (Long(argument), Long(line));

        var workload = Recogniser.Recognise(IdentifyFormat.CgroupPath(argument));

        Assert.Equal(line, IdentifyFormat.Line(argument, workload));

        static string Long(string text) => text.Replace("X", Container, StringComparison.Ordinal).Replace("U", Pod, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/a/b", "/a/b")]
    [InlineData("a/b", "a/b")]
    [InlineData("/sys/fs/cgroup", "/")]
    [InlineData("/sys/fs/cgroup/", "/")]
    [InlineData("/sys/fs/cgroup/a", "/a")]
    [InlineData(
        "/sys/fs/cgroup/unified/a", "/a")]
    [InlineData("/sys/fs/cgroups/a", "/sys/fs/cgroups/a")]
    [InlineData("/host/cgroup/a", "/a")]
    [InlineData("/sys/fs/cgroup/special/a", "/a")]
    [InlineData("0::/a", "/a")]
    public void Mount_point_is_taken_off(string argument, string path) =>
        Assert.Equal(path, IdentifyFormat.CgroupPath(argument, ["/host/cgroup/", "/sys/fs/cgroup/special", "/"]));
}
