using Metering.Agent.Cgroups;
using Metering.Tests.Support;
using Xunit;

namespace Metering.Tests.Cgroups;

public sealed class KernelTreeTests
{
    /// <summary>The kernel gives the lowest free number to the next file: whatever closed it again would close that one.</summary>
    [Fact]
    public void Disposed_twice_it_closes_nobody_elses_file()
    {
        var tree = new KernelTree(Path.GetTempPath());
        tree.Dispose();
        var file = Path.Combine(Scratch.Root, "metering-tree-" + Guid.CreateVersion7().ToString("N"));
        File.WriteAllText(file, "text");
        var others = Enumerable.Range(0, 16).Select(_ => new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0)).ToList();

        tree.Dispose();
        tree.Interrupt();

        Assert.All(others, stream => Assert.Equal('t', stream.ReadByte()));
        others.ForEach(stream => stream.Dispose());
        Assert.Equal("text", File.ReadAllText(file));
        File.Delete(file);
    }
}
