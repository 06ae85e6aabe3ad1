namespace Metering.Cli.Top;

/// <summary>What the rows are ordered by; figures from the largest down, names from A on.</summary>
internal enum TopSort
{
    Cpu,
    Memory,
    Io,
    Cost,
    Name,
}
