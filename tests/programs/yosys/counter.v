// A counter of four bits that can be held and reset.
module counter(input clock, input reset, input hold, output reg [3:0] count);
  always @(posedge clock)
    if (reset) count <= 0;
    else if (!hold) count <= count + 1;
endmodule
